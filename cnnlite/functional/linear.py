"""The fully connected layer: one matrix product."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnnlite._backend import empty
from cnnlite.functional._checks import (
    Array,
    check_floats,
    check_gradient,
    check_shape,
    contiguous,
)


class LinearCache(NamedTuple):
    """What the backward pass of a linear layer needs."""

    x: Array  # dweight is dy.T @ x
    weight: Array  # dx is dy @ weight
    has_bias: bool  # whether there is a dbias


def linear_forward(x: Array, weight: Array, bias: Array | None = None) -> tuple[Array, LinearCache]:
    """Computes y = x @ weight.T + bias; `torch.nn.functional.linear`.

    Args:
        x: (N, in_features), or more axes before the last; float32 or float64.
        weight: (out_features, in_features), of the same dtype.
        bias: (out_features,) or None.

    Returns:
        y (N, out_features) and the cache, which refers to x and weight without copying them.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: shapes do not fit together.
    """
    check_floats("Linear", x=x, weight=weight, bias=bias)
    if weight.ndim != 2:
        raise ValueError(
            f"Linear: weight must have shape (out_features, in_features), got {weight.shape}"
        )
    out_features, in_features = weight.shape
    if x.ndim < 2 or x.shape[-1] != in_features:
        hint = "; put a Flatten before it" if x.ndim == 4 else ""
        raise ValueError(
            f"Linear: x must have shape (N, {in_features}) to fit weight {weight.shape}, "
            f"got {x.shape}{hint}"
        )
    check_shape("Linear", "bias", bias, (out_features,))
    x, weight = contiguous(x), contiguous(weight)
    y = empty((*x.shape[:-1], out_features), x.dtype)
    np.matmul(_rows(x), weight.T, out=_rows(y))
    if bias is not None:
        y += bias
    return y, LinearCache(x, weight, bias is not None)


def linear_backward(
    dy: Array, cache: LinearCache, need_dx: bool = True
) -> tuple[Array | None, Array, Array | None]:
    """Gradients of a linear layer.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what `linear_forward` returned; unchanged.
        need_dx: False saves the product for dx.

    Returns:
        dx like x or None, dweight (out_features, in_features), dbias (out_features,) or None.
    """
    x, weight, has_bias = cache
    dy = check_gradient("Linear", dy, (*x.shape[:-1], weight.shape[0]), x.dtype)
    rows = _rows(dy)
    dbias = rows.sum(axis=0) if has_bias else None
    dweight = empty(weight.shape, x.dtype)
    np.matmul(rows.T, _rows(x), out=dweight)
    if not need_dx:
        return None, dweight, dbias
    dx = empty(x.shape, x.dtype)
    np.matmul(rows, weight, out=_rows(dx))
    return dx, dweight, dbias


def _rows(array: Array) -> Array:
    """A view of shape (everything before the last axis, the last axis)."""
    return array.reshape(int(np.prod(array.shape[:-1])), array.shape[-1])
