"""Softmax and its logarithm, along an axis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnnlite.checks.arrays import Array, check_floats, check_gradient
from cnnlite.checks.numbers import integer
from cnnlite.functional.elementary import exp, log
from cnnlite.quiet import quiet

__all__ = [
    "SoftmaxCache",
    "log_softmax_forward",
    "log_softmax_backward",
    "softmax_forward",
    "softmax_backward",
]


class SoftmaxCache(NamedTuple):
    """What the backward pass of softmax, or of its logarithm, needs."""

    y: Array  # what forward returned
    dim: int


def _shifted(name: str, x: Array, dim: int) -> tuple[Array, Array, int]:
    """Return x less its largest along dim, which is the last axis now, the sum of exp, and dim.

    NumPy adds what lies together pairwise, and the rest one after the other: hence the last axis.
    """
    check_floats(name, x=x)
    dim = integer(name, "dim", dim)
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"{name}: dim is {dim}, but x has {x.ndim} axes (x {x.shape})")
    if not x.shape[dim]:
        raise ValueError(f"{name}: x has nothing along dim {dim} (x {x.shape})")
    last = np.moveaxis(x, dim, -1)
    shifted = np.subtract(last, last.max(axis=-1, keepdims=True), order="C")
    return shifted, exp(shifted).sum(axis=-1, keepdims=True, dtype=np.float64), dim


def _back(y: Array, dim: int) -> Array:
    return np.ascontiguousarray(np.moveaxis(y, -1, dim))


@quiet
def softmax_forward(x: Array, dim: int = 1) -> tuple[Array, SoftmaxCache]:
    """exp(x) / sum of exp(x) along an axis; `torch.nn.functional.softmax`.

    Args:
        x: any shape, float32 or float64.
        dim: the axis along which y adds up to 1.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: x is not float32 or float64, or dim is no integer.
        ValueError: x has no such axis, or nothing along it.
    """
    shifted, total, dim = _shifted("Softmax", x, dim)
    y = _back(exp(shifted) / total.astype(x.dtype), dim)
    return y, SoftmaxCache(y, dim)


@quiet
def softmax_backward(dy: Array, cache: SoftmaxCache) -> Array:
    """Return dx = y * (dy - sum of dy * y)."""
    y, dim = cache
    dy = check_gradient("Softmax", dy, y.shape, y.dtype)
    y, dy = np.moveaxis(y, dim, -1), np.moveaxis(dy, dim, -1)
    total = _sum(np.multiply(dy, y, order="C"))
    return _back(y * (dy - total), dim)


@quiet
def log_softmax_forward(x: Array, dim: int = 1) -> tuple[Array, SoftmaxCache]:
    """x - log(sum of exp(x)) along an axis; `torch.nn.functional.log_softmax`.

    Args, Returns and Raises as in `softmax_forward`.
    """
    shifted, total, dim = _shifted("LogSoftmax", x, dim)
    y = _back(shifted - log(total).astype(x.dtype), dim)
    return y, SoftmaxCache(y, dim)


@quiet
def log_softmax_backward(dy: Array, cache: SoftmaxCache) -> Array:
    """Return dx = dy - exp(y) * sum of dy."""
    y, dim = cache
    dy = check_gradient("LogSoftmax", dy, y.shape, y.dtype)
    y, dy = np.moveaxis(y, dim, -1), np.moveaxis(dy, dim, -1)
    return _back(dy - exp(y) * _sum(np.array(dy, order="C")), dim)


def _sum(x: Array) -> Array:
    """Return the sums along the last axis (..., 1), added in float64."""
    total: Array = x.sum(axis=-1, keepdims=True, dtype=np.float64).astype(x.dtype)
    return total
