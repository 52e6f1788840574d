"""What follows a product, one operation after the other (`cnnlite.post_ops`)."""

import numpy as np

from cnnlite.post_ops import Kept, PostOps
from cnnlite.reference.pool2x2 import max_pool2x2_backward, max_pool2x2_forward

__all__ = ["follow", "undo"]


def follow(
    product: np.ndarray, y: np.ndarray, post: PostOps, argmax: np.ndarray | None = None
) -> None:
    """Write to y what follows a product, which may be y itself.

    Raises:
        ValueError: the activation is not ReLU, or argmax is not there exactly for a pooling.
    """
    if post.activation not in (None, "relu"):
        raise ValueError(f"the activation is {post.activation!r}, expected 'relu'")
    if post.pool != (argmax is not None):
        raise ValueError("argmax must be given where a pooling follows")
    total = product if post.addend is None else product + post.addend.reshape(product.shape)
    relu = post.activation == "relu"
    if argmax is not None:
        max_pool2x2_forward(total, y, argmax, relu)
    else:
        y[...] = (np.where(total <= 0, 0, total) if relu else total).reshape(y.shape)


def undo(dy: np.ndarray, kept: Kept, size: tuple[int, ...]) -> np.ndarray:
    """Return the gradient of a convolution's own output, of that size, from that of what followed.

    Raises:
        ValueError: values and argmax are both kept, or the activation is not ReLU.
    """
    activation, y, argmax = kept
    if activation not in (None, "relu"):
        raise ValueError(f"the activation is {activation!r}, expected 'relu'")
    if argmax is None:
        return dy if y is None else np.where(y <= 0, 0, dy)
    if y is not None:
        raise ValueError("values and argmax are kept, expected one of them")
    full = np.empty((*dy.shape[:2], *size), dy.dtype)
    max_pool2x2_backward(dy, argmax, full)
    return full
