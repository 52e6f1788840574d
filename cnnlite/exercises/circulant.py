"""The exercise circulant: convolution as a matrix product, and the shift that it commutes with."""

from __future__ import annotations

import numpy as np

from cnnlite.exercises.parts import Case, Exercise, Part, Suspect, numbers

__all__ = ["CIRCULANT"]

OF = ("dx", "dw")


def _matrix_of(w: np.ndarray) -> np.ndarray:
    return np.stack([np.roll(w, j) for j in range(len(w))], axis=1)


def shift_cases(rng: np.random.Generator) -> list[Case]:
    settings = ((5, 1), (5, 2), (4, -1), (6, 7), (3, 0))
    return [_shift(numbers(rng, n), steps) for n, steps in settings]


def _shift(x: np.ndarray, steps: int) -> Case:
    def lost() -> np.ndarray:
        y = np.roll(x, steps)
        if steps > 0:
            y[:steps] = 0
        elif steps < 0:
            y[steps:] = 0
        return y

    suspects = (
        Suspect("it is shifted in the other direction: y[steps] is x[0]",
                lambda: np.roll(x, -steps)),
        Suspect("what leaves at one end is lost; it comes in again at the other", lost),
        Suspect("it is shifted by one, whatever steps is", lambda: np.roll(x, 1)),
    )  # fmt: skip
    return Case("shift(x, steps)", {"x": x, "steps": steps}, np.roll(x, steps), suspects)


def matrix_cases(rng: np.random.Generator) -> list[Case]:
    return [_matrix(numbers(rng, n)) for n in (3, 4, 6)]


def _matrix(w: np.ndarray) -> Case:
    c = _matrix_of(w)
    suspects = (
        Suspect("w is the first row; it is the first column", lambda: c.T),
        Suspect("it is not cyclic: above the diagonal the numbers come in again at the other end",
                lambda: np.tril(c)),
        Suspect("every column is w itself; each is shifted by one more than the one before",
                lambda: np.repeat(w[:, None], len(w), axis=1)),
        Suspect("only the diagonal is filled", lambda: w[0] * np.eye(len(w))),
        Suspect("it is mirrored: the columns are shifted upwards",
                lambda: np.stack([np.roll(w, -j) for j in range(len(w))], axis=1)),
    )  # fmt: skip
    return Case("circulant(w)", {"w": w}, c, suspects)


def convolve_cases(rng: np.random.Generator) -> list[Case]:
    return [_convolve(numbers(rng, n), numbers(rng, n)) for n in (3, 5, 8)]


def _convolve(x: np.ndarray, w: np.ndarray) -> Case:
    suspects = (
        Suspect("this is correlation: x[i + k] stands where x[i - k] should",
                lambda: _matrix_of(w).T @ x),
        Suspect("it is not cyclic: x[i - k] with i < k comes from the other end",
                lambda: np.convolve(x, w)[: len(x)]),
        Suspect("the numbers are multiplied in place, without a sum over k", lambda: w * x),
    )  # fmt: skip
    return Case("cyclic_convolve(x, w)", {"x": x, "w": w}, _matrix_of(w) @ x, suspects)


def commutator_cases(rng: np.random.Generator) -> list[Case]:
    circulant = _matrix_of(numbers(rng, 4))
    return [
        _commutator(numbers(rng, 3, 3), "c is not circulant"),
        _commutator(circulant, "c is circulant"),
        _commutator(np.diag(numbers(rng, 4)), "c is diagonal"),
    ]


def _commutator(c: np.ndarray, note: str) -> Case:
    p = np.roll(np.eye(len(c)), 1, axis=0)
    suspects = (
        Suspect("the products are element by element; @ is the product of matrices",
                lambda: p * c - c * p),
        Suspect("the shift goes in the other direction: P x is shift(x, 1)",
                lambda: p.T @ c - c @ p.T),
        Suspect("this is P C alone", lambda: p @ c),
        Suspect("P C and C P are added", lambda: p @ c + c @ p),
    )  # fmt: skip
    expected = p @ c - c @ p
    if not expected.any():  # a zero that is right has nothing to be told
        return Case("commutator(c)", {"c": c}, expected, note=note)
    return Case("commutator(c)", {"c": c}, expected, suspects, note=note)


def dx_cases(rng: np.random.Generator) -> list[Case]:
    return [_backward(rng, n, 0) for n in (3, 5)]


def dw_cases(rng: np.random.Generator) -> list[Case]:
    return [_backward(rng, n, 1) for n in (3, 5)]


def _backward(rng: np.random.Generator, n: int, which: int) -> Case:
    dy, x, w = (numbers(rng, n) for _ in range(3))
    other = (w, x)[which]
    suspects = (
        Suspect("this is convolution again; the gradient takes the transposed matrix",
                lambda: _matrix_of(other) @ dy),
        Suspect("it is not cyclic: indices go round here too",
                lambda: np.correlate(dy, other, "full")[n - 1 :]),
        Suspect("the other factor is missing: who was multiplied with whom?",
                lambda: dy.copy()),
    )  # fmt: skip
    call = "cyclic_convolve_backward(dy, x, w)"
    inputs = {"dy": dy, "x": x, "w": w}
    return Case(call, inputs, _matrix_of(other).T @ dy, suspects)


CIRCULANT = Exercise(
    "circulant",
    "convolution as a circulant matrix, and the shift",
    (
        Part("shift", 1, "shift", shift_cases),
        Part("matrix", 2, "circulant", matrix_cases),
        Part("convolve", 2, "cyclic_convolve", convolve_cases),
        Part("commutator", 2, "commutator", commutator_cases),
        Part("dx", 2, "cyclic_convolve_backward", dx_cases, 0, OF),
        Part("dw", 1, "cyclic_convolve_backward", dw_cases, 1, OF),
    ),
)
