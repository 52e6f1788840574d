"""Convolution and max-pooling: the course's versions are the rungs of our ladder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnlite.checks.arrays import Array
from cnnlite.compat.cs231n.settings import setting
from cnnlite.compat.promotion import promoted, promoted_to
from cnnlite.functional import (
    conv2d_backward,
    conv2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)
from cnnlite.post_ops import NO_POST_OPS, PostOps

__all__ = [
    "Cache",
    "conv_backward",
    "conv_backward_naive",
    "conv_forward",
    "conv_forward_im2col",
    "conv_forward_naive",
    "max_pool_backward",
    "max_pool_backward_naive",
    "max_pool_forward",
    "max_pool_forward_naive",
]


class Cache(tuple):
    """The tuple that the course says a cache is, and what our backward pass needs.

    Attributes:
        native: the cache of the library's own forward pass.
        dtype: what that computed in.
    """

    native: Any
    dtype: Any

    def __new__(cls, shown: tuple[Any, ...], native: Any, dtype: Any) -> Cache:
        cache = super().__new__(cls, shown)
        cache.native, cache.dtype = native, dtype
        return cache


def conv_forward(
    x: Any,
    w: Any,
    b: Any,
    conv_param: Mapping[str, Any],
    post: PostOps = NO_POST_OPS,
    algorithm: str = "auto",
) -> tuple[Array, Cache]:
    """Slide each filter over the images.

    Args:
        x: (N, C, H, W), of any number type.
        w: (F, C, HH, WW).
        b: (F,).
        conv_param: "stride", and "pad", the zeros on each side.
        post: what follows in the same pass over memory.
        algorithm: the rung of the ladder (`cnnlite.functional.conv2d_forward`).

    Returns:
        out (N, F, 1 + (H + 2 pad - HH) // stride, 1 + (W + 2 pad - WW) // stride), and the cache
        (x, w, b, conv_param).

    Raises:
        TypeError, ValueError: shapes or settings do not fit.
    """
    name = "conv_forward"
    stride, pad = (setting(name, conv_param, key) for key in ("stride", "pad"))
    shown = (x, w, b, conv_param)
    x, w, b = promoted(name, x=x, w=w, b=b)
    out, native = conv2d_forward(x, w, b, stride, pad, algorithm=algorithm, post=post)
    return out, Cache(shown, native, out.dtype)


def conv_forward_naive(
    x: Any, w: Any, b: Any, conv_param: Mapping[str, Any]
) -> tuple[Array, Cache]:
    """Return what `conv_forward` does, by loops over images, filters, rows and columns."""
    return conv_forward(x, w, b, conv_param, algorithm="naive")


def conv_forward_im2col(
    x: Any, w: Any, b: Any, conv_param: Mapping[str, Any]
) -> tuple[Array, Cache]:
    """Return what `conv_forward` does, by a product with the matrix of patches."""
    return conv_forward(x, w, b, conv_param, algorithm="im2col")


def conv_backward(
    dout: Any, cache: tuple[Any, ...], need_dx: bool = True
) -> tuple[Array | None, Array, Array]:
    """Return the gradients of a convolution, by the algorithm that the forward pass took.

    Args:
        dout: like out.
        cache: as the forward pass returned it, or any tuple that begins with x, w, b, conv_param.
        need_dx: False saves the work for dx, which is None then.

    Returns:
        dx like x, dw like w, db (F,).

    Raises:
        TypeError, ValueError: dout does not fit.
    """
    if not isinstance(cache, Cache):
        _, cache = conv_forward(*cache[:4])
    dout = promoted_to("conv_backward", "dout", dout, cache.dtype)
    return conv2d_backward(dout, cache.native, need_dx)  # type: ignore[return-value]  # there is b


def max_pool_forward(x: Any, pool_param: Mapping[str, Any]) -> tuple[Array, Cache]:
    """Take the maximum of every window.

    Args:
        x: (N, C, H, W).
        pool_param: "pool_height", "pool_width", "stride".

    Returns:
        out (N, C, 1 + (H - pool_height) // stride, 1 + (W - pool_width) // stride), and the cache
        (x, pool_param).

    Raises:
        TypeError, ValueError: shapes or settings do not fit.
    """
    name = "max_pool_forward"
    height, width, stride = (
        setting(name, pool_param, key) for key in ("pool_height", "pool_width", "stride")
    )
    (array,) = promoted(name, x=x)
    out, native = max_pool2d_forward(array, (height, width), stride)
    return out, Cache((x, pool_param), native, out.dtype)


def max_pool_backward(dout: Any, cache: tuple[Any, ...]) -> Array:
    """Return dx like x: each dout goes to the pixel that was the maximum, the first of equal ones.

    Args:
        dout: like out.
        cache: as the forward pass returned it, or any (x, pool_param).

    Raises:
        TypeError, ValueError: dout does not fit.
    """
    if not isinstance(cache, Cache):
        _, cache = max_pool_forward(*cache[:2])
    dout = promoted_to("max_pool_backward", "dout", dout, cache.dtype)
    return max_pool2d_backward(dout, cache.native)


conv_backward_naive = conv_backward
max_pool_forward_naive, max_pool_backward_naive = max_pool_forward, max_pool_backward
