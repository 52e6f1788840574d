"""The fully connected layer: one matrix product."""

from __future__ import annotations

import math
from typing import NamedTuple

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array, check_floats, check_gradient, check_shape, contiguous
from cnnlite.checks.numbers import flag
from cnnlite.functional.post_ops import apply, check_post, kept_of, split, undo
from cnnlite.post_ops import NO_POST_OPS, Kept, PostOps

__all__ = ["LinearCache", "linear_forward", "linear_backward"]


class LinearCache(NamedTuple):
    """What the backward pass of a linear layer needs."""

    x: Array  # dweight is dy.T @ x
    weight: Array  # dx is dy @ weight
    has_bias: bool  # whether there is a dbias
    kept: Kept  # what backward needs of the post-ops


def linear_forward(
    x: Array, weight: Array, bias: Array | None = None, post: PostOps = NO_POST_OPS
) -> tuple[Array, LinearCache]:
    """Return y = x @ weight.T + bias; `torch.nn.functional.linear`.

    Args:
        x: (N, in_features), or more axes before the last; float32 or float64.
        weight: (out_features, in_features), of the same dtype.
        bias: (out_features,) or None.
        post: an activation that follows in the same pass, with the bits of one after the other.

    Returns:
        y (N, out_features) and the cache, which refers to x and weight without copying them.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: shapes do not fit together.
    """
    check_floats("Linear", x=x, weight=weight, bias=bias, optional=["bias"])
    check_post("Linear", post)
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
    bias = None if bias is None else contiguous(bias)
    own, rest = split(post)
    kernels.linear_forward(_rows(x), weight, bias, _rows(y), own)
    y, kept = apply(y, rest) if rest else (y, kept_of(y, None, own))
    return y, LinearCache(x, weight, bias is not None, kept)


def linear_backward(
    dy: Array, cache: LinearCache, need_dx: bool = True
) -> tuple[Array | None, Array, Array | None]:
    """Return the gradients of a linear layer.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what `linear_forward` returned; unchanged.
        need_dx: False saves the product for dx.

    Returns:
        dx like x or None, dweight (out_features, in_features), dbias (out_features,) or None.
    """
    need_dx = flag("Linear", "need_dx", need_dx)
    x, weight, has_bias, kept = cache
    dy = check_gradient("Linear", dy, (*x.shape[:-1], weight.shape[0]), x.dtype)
    dy = undo(dy, kept, dy.shape)
    dweight = empty(weight.shape, x.dtype)
    dbias = empty((weight.shape[0],), x.dtype) if has_bias else None
    kernels.linear_weight_gradient(_rows(x), _rows(dy), dweight, dbias)
    if not need_dx:
        return None, dweight, dbias
    dx = empty(x.shape, x.dtype)
    kernels.linear_input_gradient(_rows(dy), weight, _rows(dx))
    return dx, dweight, dbias


def _rows(array: Array) -> Array:
    """Return a view of shape (everything before the last axis, the last axis)."""
    return array.reshape(math.prod(array.shape[:-1]), array.shape[-1])
