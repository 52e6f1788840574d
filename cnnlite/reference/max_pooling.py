"""Max-pooling.

Floor or ceil mode shows in the output's shape only: with ceil mode, the last windows may reach
beyond the padding.
"""

import numpy as np

from cnnlite.quiet import quiet
from cnnlite.reference.windows import Pair, Sides, check_output, check_shape, check_window, taps

__all__ = ["max_pool2d_backward", "max_pool2d_forward"]


@quiet
def max_pool2d_forward(
    x: np.ndarray,
    y: np.ndarray,
    argmax: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
) -> None:
    """Take the maximum of every window, and remember where it was.

    The first of equal values wins, and NaN wins over everything, as in PyTorch.

    Args:
        x: in, (N, C, H, W).
        y: out, (N, C, OH, OW); -inf where a window touches no pixel at all.
        argmax: out, int32 (N, C, OH, OW): h * W + w of the maximum; -1 where there is none.
        kernel: (KH, KW).
        stride: (SH, SW).
        padding: (top, bottom, left, right), in pixels that no maximum can come from.
        dilation: (DH, DW).

    Raises:
        ValueError: shapes that do not belong together.
    """
    check_window("max_pool2d_forward", kernel, stride, padding, dilation)
    image, output = x.shape[2:], y.shape[2:]
    check_shape("max_pool2d_forward", "y", y.shape, (*x.shape[:2], *output))
    check_shape("max_pool2d_forward", "argmax", argmax.shape, y.shape)
    check_output("max_pool2d_forward", image, output, kernel, stride, padding, dilation)
    if image[0] * image[1] >= 2**31:
        raise ValueError(f"max_pool2d_forward: a plane of {image} pixels is too big for int32")
    index = np.arange(image[0] * image[1], dtype=np.int32).reshape(image)
    y[...] = -np.inf
    argmax[...] = -1
    for tap in taps(image, output, kernel, stride, padding, dilation):
        candidate = x[:, :, *tap.inputs]
        best, where = y[:, :, *tap.outputs], argmax[:, :, *tap.outputs]
        wins = (candidate > best) | np.isnan(candidate) | (where < 0)
        np.copyto(best, candidate, where=wins)
        np.copyto(where, index[tap.inputs], where=wins)


@quiet
def max_pool2d_backward(dy: np.ndarray, argmax: np.ndarray, dx: np.ndarray) -> None:
    """Send every gradient to the pixel that was the maximum.

    Args:
        dy: in, (N, C, OH, OW).
        argmax: in, int32 (N, C, OH, OW), from max_pool2d_forward.
        dx: out, (N, C, H, W); what it held is overwritten.

    Raises:
        ValueError: shapes that do not belong together, or an index outside the image.
    """
    n, c, h, w = dx.shape
    check_shape("max_pool2d_backward", "dy", dy.shape, (n, c, *dy.shape[2:]))
    check_shape("max_pool2d_backward", "argmax", argmax.shape, dy.shape)
    if argmax.size and not (argmax.min() >= -1 and argmax.max() < h * w):
        raise ValueError(f"max_pool2d_backward: argmax points outside the image ({h}, {w})")
    image, channel, row, column = np.nonzero(argmax >= 0)
    index = argmax[image, channel, row, column]
    dx[...] = 0
    np.add.at(dx, (image, channel, index // w, index % w), dy[image, channel, row, column])
