"""Max-pooling 2x2 with stride 2, with the ReLU that usually stands in front of it."""

import numpy as np

from cnnlite.reference.max_pooling import max_pool2d_backward, max_pool2d_forward

__all__ = ["max_pool2x2_backward", "max_pool2x2_forward", "undo"]


def max_pool2x2_forward(x: np.ndarray, y: np.ndarray, argmax: np.ndarray, relu: bool) -> None:
    """2x2 max-pooling with stride 2 of x (N, C, H, W) or, with relu, of max(0, x).

    argmax (int32, the shape of y) is the position of the maximum of x in its plane.
    """
    max_pool2d_forward(x, y, argmax, (2, 2), (2, 2), (0, 0, 0, 0), (1, 1))
    if relu:
        y[y <= 0] = 0


def max_pool2x2_backward(
    dy: np.ndarray, y: np.ndarray | None, argmax: np.ndarray, dx: np.ndarray
) -> None:
    """dx (N, C, H, W) = dy where the maximum was, else 0.

    With y (the pooled output, or None), also 0 where y is 0: the ReLU fused in front of pooling.
    """
    max_pool2d_backward(dy if y is None else np.where(y <= 0, 0, dy), argmax, dx)


def undo(
    dy: np.ndarray, y: np.ndarray | None, argmax: np.ndarray | None, size: tuple[int, ...]
) -> np.ndarray:
    """Return the gradient of a convolution's own output, of that size, from that of what followed.

    Pooling may have been fused behind it (then argmax is given), and ReLU (then its output y).
    """
    if argmax is None:
        return dy if y is None else np.where(y <= 0, 0, dy)
    full = np.empty((*dy.shape[:2], *size), dy.dtype)
    max_pool2x2_backward(dy, y, argmax, full)
    return full
