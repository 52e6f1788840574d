"""Post-ops one after the other, for the products that do not do them in their own pass.

The bits are those of the operations as layers: ReLU of a maximum is the maximum of ReLUs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import flag, shown
from cnnlite.functional.activations import InputCache, silu_backward, silu_forward
from cnnlite.functional.gelu import GELUCache, gelu_backward, gelu_forward
from cnnlite.post_ops import ACTIVATIONS, ADD, NO_POST_OPS, NOTHING_KEPT, POOL, RELU, Kept, PostOps


def pooled_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of (N, C, H, W) after 2x2 max-pooling."""
    n, c, rows, columns = shape
    return n, c, rows // 2, columns // 2


def check_post(name: str, post: PostOps, addend: bool = False, pool: bool = False) -> None:
    """Raise unless an operation can do what follows it.

    Args:
        name: the operation, which starts every message.
        post: what is to follow.
        addend, pool: whether it can do these besides an activation.

    Raises:
        TypeError: it is no `PostOps`.
        ValueError: the activation is none of `ACTIVATIONS`, or it cannot add or pool.
    """
    if post is NO_POST_OPS:
        return
    if not isinstance(post, PostOps):
        raise TypeError(f"{name}: post is {shown(post)}, expected a PostOps")
    if post.activation not in (None, *ACTIVATIONS):
        raise ValueError(
            f"{name}: post.activation is {shown(post.activation)}, expected None or one of "
            f"{', '.join(map(repr, ACTIVATIONS))}"
        )
    flag(name, "post.pool", post.pool)
    for there, able, what in ((post.addend is not None, addend, ADD), (post.pool, pool, POOL)):
        if there and not able:
            raise ValueError(f"{name}: post is {post.kinds}, but {what!r} cannot follow it")


def split(post: PostOps) -> tuple[PostOps, PostOps]:
    """Return what the engine's kernels do in their own pass, and what is left for `apply`."""
    return (post, NO_POST_OPS) if post.activation in (None, "relu") else (NO_POST_OPS, post)


def new_output(
    shape: tuple[int, ...], dtype: np.dtype[Any], post: PostOps
) -> tuple[Array, npt.NDArray[np.uint8] | None]:
    """Return memory for a product of that shape after what follows, and for a pooling's argmax."""
    if not post.pool:
        return empty(shape, dtype), None
    pooled = pooled_shape(shape)
    return empty(pooled, dtype), empty(pooled, np.uint8)


def kept_of(y: Array, argmax: npt.NDArray[np.uint8] | None, post: PostOps) -> Kept:
    """Return what backward needs where a kernel has done what follows: y is the last output."""
    if argmax is None and post.activation is None:
        return NOTHING_KEPT
    return Kept(post.activation, y if argmax is None else None, argmax)


def apply(y: Array, post: PostOps) -> tuple[Array, Kept]:
    """Do what follows an output y that has been written, and that nobody else refers to.

    Args:
        y: the output, C-contiguous; it may be overwritten.
        post: what follows; an addend is C-contiguous and like y.

    Returns:
        The output of the last operation, and what their backward pass needs.
    """
    if post.addend is not None:
        kernels.add(y, post.addend, y, RELU if post.activation == "relu" else NO_POST_OPS)
    if post.activation in (None, "relu"):
        return _apply_relu(y, post)
    out = gelu_forward(y)[0] if post.activation == "gelu" else silu_forward(y)[0]
    pooled, kept = _apply_relu(out, PostOps(pool=post.pool))
    return pooled, Kept(post.activation, y, kept.argmax)


def _apply_relu(y: Array, post: PostOps) -> tuple[Array, Kept]:
    """Do ReLU, unless an addition has done it already, and pooling."""
    relu = post.activation == "relu"
    if post.pool:
        pooled = empty(pooled_shape(y.shape), y.dtype)
        argmax = empty(pooled.shape, np.uint8)
        kernels.max_pool2x2_forward(y, pooled, argmax, relu)
        return pooled, Kept(post.activation, None, argmax)
    if relu and post.addend is None:
        kernels.relu_forward(y, y)
    return y, Kept("relu", y) if relu else NOTHING_KEPT


def activate_again(kept: Kept) -> Array:
    """Return the output once more of post-ops that keep what went into their activation."""
    assert kept.values is not None
    forward = gelu_forward if kept.activation == "gelu" else silu_forward
    y: Array = forward(kept.values)[0]
    return _apply_relu(y, PostOps(pool=kept.argmax is not None))[0]


def undo(dy: Array, kept: Kept, shape: tuple[int, ...]) -> Array:
    """Return the gradient of the product's own output, of that shape: dy itself or new memory."""
    if kept.argmax is not None:
        unpooled = empty(shape, dy.dtype)
        kernels.max_pool2x2_backward(dy, kept.argmax, unpooled)
        dy = unpooled
    if kept.values is None:
        return dy
    if kept.activation == "gelu":
        return gelu_backward(dy, GELUCache(kept.values, "none"))
    if kept.activation == "silu":
        return silu_backward(dy, InputCache(kept.values))
    masked = empty(dy.shape, dy.dtype)
    kernels.relu_backward(dy, kept.values, masked)
    return masked
