"""Post-ops one after the other, for the products that do not do them in their own pass.

The bits are those of the operations as layers: ReLU of a maximum is the maximum of ReLUs.
"""

from __future__ import annotations

import numpy as np

from cnnlite._backend import empty, kernels
from cnnlite.functional._checks import Array
from cnnlite.functional.activations import InputCache, silu_backward, silu_forward
from cnnlite.functional.gelu import GELUCache, gelu_backward, gelu_forward
from cnnlite.post_ops import NOTHING_KEPT, Kept, PostOps


def pooled_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of (N, C, H, W) after 2x2 max-pooling."""
    n, c, rows, columns = shape
    return n, c, rows // 2, columns // 2


def apply(y: Array, post: PostOps) -> tuple[Array, Kept]:
    """Do what follows an output y that has been written, and that nobody else refers to.

    Args:
        y: the output, C-contiguous; it may be overwritten.
        post: what follows; an addend is C-contiguous and like y.

    Returns:
        The output of the last operation, and what their backward pass needs.
    """
    if post.addend is not None:
        kernels.add(y, post.addend, y, post.activation == "relu" and not post.pool)
    if post.activation in (None, "relu"):
        return _apply_relu(y, post)
    out = gelu_forward(y)[0] if post.activation == "gelu" else silu_forward(y)[0]
    pooled, kept = _apply_relu(out, PostOps(pool=post.pool))
    return pooled, Kept(post.activation, y, kept.argmax)


def _apply_relu(y: Array, post: PostOps) -> tuple[Array, Kept]:
    """ReLU (which an addition has done already) and pooling."""
    relu = post.activation == "relu"
    if post.pool:
        pooled = empty(pooled_shape(y.shape), y.dtype)
        argmax = empty(pooled.shape, np.uint8)
        kernels.max_pool2x2_forward(y, pooled, argmax, relu)
        return pooled, Kept(post.activation, None, argmax)
    if relu and post.addend is None:
        kernels.relu_forward(y, y)
    return y, Kept("relu", y) if relu else NOTHING_KEPT


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
