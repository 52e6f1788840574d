"""The exercise linear."""

from typing import Any

import numpy as np

from cnnlite.exercises.parts import Case, Cases, Exercise, Part, Suspect, numbers
from cnnlite.functional import linear_backward, linear_forward

__all__ = ["LINEAR"]

SIZES = ((3, 4, 5), (6, 2, 1), (4, 3, 3))  # N, in, out; where in = out, a wrong order fits too
OF = ("dx", "dw", "db")


def forward_cases(rng: np.random.Generator) -> list[Case]:
    cases = [_forward(*_operands(rng, *sizes)) for sizes in SIZES]
    return [*cases, _forward(*(a.astype(np.float32) for a in _operands(rng, 2, 3, 4)))]


def _operands(
    rng: np.random.Generator, n: int, inputs: int, outputs: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return numbers(rng, n, inputs), numbers(rng, outputs, inputs), numbers(rng, outputs)


def _forward(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Case:
    y = linear_forward(x, w, b)[0]
    suspects = [
        Suspect("the bias is missing", lambda: y - b),
        Suspect("the bias is subtracted", lambda: y - 2 * b),
    ]
    if w.shape[0] == w.shape[1]:
        suspects.append(Suspect("w is not transposed: its rows belong to outputs",
                                lambda: linear_forward(x, w.T.copy(), b)[0]))  # fmt: skip
    return Case("linear_forward(x, w, b)", {"x": x, "w": w, "b": b}, y, tuple(suspects))


def backward_cases(which: int) -> Cases:
    return lambda rng: [_backward(which, rng, *_operands(rng, *sizes)) for sizes in SIZES]


def _backward(
    which: int, rng: np.random.Generator, x: np.ndarray, w: np.ndarray, b: np.ndarray
) -> Case:
    n, dy = len(x), numbers(rng, len(x), len(w))
    expected: Any = linear_backward(dy, linear_forward(x, w, b)[1])[which]
    mean = Suspect("divided by N, but the 1/N of the mean is already in dy", lambda: expected / n)
    if which == 0:
        suspects = []
        if w.shape[0] == w.shape[1]:
            suspects.append(Suspect("w is transposed as in forward; the way back is the other one",
                                    lambda: dy @ w.T))  # fmt: skip
    elif which == 1:
        suspects = [
            mean,
            Suspect("it is transposed", lambda: expected.T),
            Suspect("only the last example counts", lambda: np.outer(dy[-1], x[-1])),
            Suspect("the products of the examples are not summed over the batch",
                    lambda: dy[:, :, None] * x[:, None, :]),
        ]  # fmt: skip
    else:
        suspects = [
            mean,
            Suspect("the sum over the batch is missing: all examples use one bias", lambda: dy),
            Suspect("summed over the outputs; it is the examples that share a bias",
                    lambda: dy.sum(axis=1)),
            Suspect("summed over everything", lambda: dy.sum()),
            Suspect("only the last example counts", lambda: dy[-1]),
        ]  # fmt: skip
    inputs = {"dy": dy, "x": x, "w": w}
    return Case("linear_backward(dy, x, w)", inputs, expected, tuple(suspects))


WRONG_PRODUCT = {"ValueError": "shapes that do not fit; w is (out, in), and x is (N, in)"}

LINEAR = Exercise(
    "linear",
    "the linear layer, forward and backward",
    (
        Part("forward", 2, "linear_forward", forward_cases, hints=WRONG_PRODUCT),
        *(
            Part(name, 2, "linear_backward", backward_cases(place), place, OF, hints=WRONG_PRODUCT)
            for place, name in enumerate(OF)
        ),
    ),
)
