"""Muon: momentum whose matrices are made orthogonal before they move the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from cnnlite.backend import kernels
from cnnlite.optim.adam import AdamW
from cnnlite.optim.groups import Group
from cnnlite.optim.optimizer import Array, Optimizer, Options, State

__all__ = ["Muon"]

COEFFICIENTS = (3.4445, -4.775, 2.0315)
"""Of the polynomial: steep at 0, so that few steps are enough."""


class Muon(Optimizer):
    """Momentum, orthogonalised by Newton and Schulz's iteration, as torch.optim.Muon.

    With the gradient g as a matrix, b = momentum * b + (1 - momentum) * g and, with Nesterov,
    u = momentum * b + (1 - momentum) * g, or u = b without: X begins as u / |u| (Frobenius' norm),
    and each of `ns_steps` steps takes it to a1 X + (a2 A + a3 A A) X, where A = X X^T.  That brings
    all its singular values near 1.  Then the parameter is multiplied with 1 - lr * weight_decay,
    and moves by -lr * r * X, where r adjusts the rate to the matrix's shape.  The state has b as
    "momentum_buffer".

    A matrix is a parameter with two axes or more: the filters of a convolution are its rows.  What
    has fewer, as biases do, is moved as `AdamW` would with the same lr and weight_decay; a group
    with an optimizer of its own says otherwise:

        Muon(0.02, groups=[{"match": no_decay, "optimizer": SGD(0.1, momentum=0.9)}])

    PyTorch computes X in bfloat16, takes no parameter that is not a matrix, and leaves the others
    to another optimizer.  Here X has the parameter's dtype and the same bits for any number of
    threads.  A group may also have "weight_norm": True, which PyTorch has not: before each step
    each matrix is scaled to the norm sqrt(rows), so that its rate alone decides how far it turns.

    Args:
        lr: learning rate.
        weight_decay: the share that a parameter loses, times lr.
        momentum: the share of the moving average that a step keeps.
        nesterov: look ahead by one move of momentum.
        ns_coefficients: (a1, a2, a3).
        eps: the smallest |u| to divide by.
        ns_steps: steps of the iteration, 0 to 99.
        adjust_lr_fn: "original", as None: r is sqrt(max(1, rows / columns)); "match_rms_adamw":
            r is 0.2 * sqrt(max(rows, columns)), with which the lr of AdamW fits.
        groups: options for some parameters (see `Optimizer`).

    Raises:
        ValueError, TypeError: an option is not in its range.

    Source: Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024; Liu et
    al., Muon is scalable for LLM training, 2025 (match_rms_adamw); Jordan, 94% on CIFAR-10 in 3.29
    seconds on a single GPU, 2024, and its later code (weight_norm).
    """

    def __init__(
        self,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: Sequence[float] = COEFFICIENTS,
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        groups: Iterable[Group] = (),
    ) -> None:
        super().__init__(
            groups, lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
            ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps, adjust_lr_fn=adjust_lr_fn,
            weight_norm=False,
        )  # fmt: skip
        self._of_vectors = [
            AdamW(options["lr"], weight_decay=options["weight_decay"])
            for options in self._every_options()
        ]
        self._grams: dict[np.dtype[Any], Array] = {}

    def state_names(self, options: Options) -> tuple[str, ...]:
        return ("momentum_buffer",)

    def prepare(self, param: Array, grad: Array, options: Options) -> None:
        super().prepare(param, grad, options)
        size = min(len(param), param.size // max(1, len(param))) ** 2
        have = self._grams.get(param.dtype)
        if have is None or have.size < 2 * size:
            self._grams[param.dtype] = np.empty(2 * size, param.dtype)

    def update(self, param: Array, grad: Array, state: State, lr: float, options: Options) -> None:
        if not param.size:
            return
        momentum, buffer = options["momentum"], state["momentum_buffer"]
        rows, columns = len(param), param.size // len(param)
        move, other = self._scratch(param)
        np.subtract(grad, buffer, out=move)
        move *= 1 - momentum
        buffer += move
        if options["nesterov"]:
            np.subtract(buffer, grad, out=move)
            move *= momentum
            move += grad
        else:
            move[...] = buffer
        if options["weight_norm"]:
            other[...] = param
            norm = _norm(other)
            if norm > 0:
                param *= math.sqrt(rows) / norm
        found = self._orthogonal(move.reshape(rows, columns), other.reshape(-1), options)
        param *= 1 - lr * options["weight_decay"]
        found *= lr * _adjustment(options["adjust_lr_fn"], rows, columns)
        param -= found.reshape(param.shape)

    def _orthogonal(self, matrix: Array, other: Array, options: Options) -> Array:
        """Return what Newton and Schulz's iteration makes of a matrix, in one of both arrays."""
        rows, columns = matrix.shape
        wide = rows <= columns
        if wide:
            x, y = matrix, other.reshape(rows, columns)
        else:
            x, y = other.reshape(columns, rows), matrix.reshape(columns, rows)
            x[...] = matrix.T
        x /= max(_norm(x), options["eps"])
        size = len(x)
        grams = self._grams[x.dtype][: 2 * size * size].reshape(2, size, size)
        gram, update = grams
        a1, a2, a3 = options["ns_coefficients"]
        for _ in range(options["ns_steps"]):
            kernels.linear_forward(x, x, None, gram)
            kernels.linear_forward(gram, gram, None, update)  # A is its own transpose
            update *= a3
            gram *= a2
            update += gram
            kernels.linear_input_gradient(update, x, y)
            x *= a1
            x += y
        if wide:
            return x
        matrix[...] = x.T
        return matrix

    def _mover(self, key: str, param: Array) -> tuple[Optimizer, Options]:
        mover, options = super()._mover(key, param)
        if mover is not self or param.ndim > 1:
            return mover, options
        pairs = zip(self._every_options(), self._of_vectors, strict=True)
        other = next(other for own, other in pairs if own is options)
        return other, other.options

    def _every_names(self) -> Iterator[tuple[str, ...]]:
        yield from super()._every_names()
        yield from self._of_vectors[0]._every_names()

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_grams": {}}


def _norm(array: Array) -> float:
    """Return the root of the sum of squares, by a product of the engine: of the promised bits."""
    row, square = array.reshape(1, -1), np.empty((1, 1), array.dtype)
    kernels.linear_forward(row, row, None, square)
    return math.sqrt(square[0, 0])


def _adjustment(name: str | None, rows: int, columns: int) -> float:
    """Return what the learning rate of a matrix is multiplied with."""
    if name == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
