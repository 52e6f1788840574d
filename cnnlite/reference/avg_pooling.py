"""Average-pooling; floor or ceil mode shows in the output's shape, as in max-pooling."""

import numpy as np

from cnnlite.quiet import quiet
from cnnlite.reference.windows import Pair, Sides, check_output, check_shape, check_window, taps

__all__ = ["avg_pool2d_backward", "avg_pool2d_forward"]


@quiet
def avg_pool2d_forward(
    x: np.ndarray,
    y: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    count_include_pad: bool,
) -> None:
    """Take the mean of every window, added in float64.

    Args:
        x: in, (N, C, H, W).
        y: out, (N, C, OH, OW); 0 where a window touches no pixel at all.
        kernel: (KH, KW).
        stride: (SH, SW).
        padding: (top, bottom, left, right), in pixels that count as zero.
        count_include_pad: divide by the pixels of the window inside image and padding, instead
            of those inside the image only.

    Raises:
        ValueError: shapes that do not belong together.
    """
    divisor = _divisor("avg_pool2d_forward", x, y, kernel, stride, padding, count_include_pad)
    total = np.zeros(y.shape)
    for tap in taps(x.shape[2:], y.shape[2:], kernel, stride, padding, (1, 1)):
        total[:, :, *tap.outputs] += x[:, :, *tap.inputs]
    y[...] = total / divisor


@quiet
def avg_pool2d_backward(
    dy: np.ndarray,
    dx: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    count_include_pad: bool,
) -> None:
    """Share every gradient equally among the pixels of its window.

    Args:
        dy: in, (N, C, OH, OW).
        dx: out, (N, C, H, W); what it held is overwritten.
        kernel: (KH, KW).
        stride: (SH, SW).
        padding: (top, bottom, left, right).
        count_include_pad: as in avg_pool2d_forward.

    Raises:
        ValueError: shapes that do not belong together.
    """
    divisor = _divisor("avg_pool2d_backward", dx, dy, kernel, stride, padding, count_include_pad)
    share = dy / divisor
    dx[...] = 0
    for tap in taps(dx.shape[2:], dy.shape[2:], kernel, stride, padding, (1, 1)):
        dx[:, :, *tap.inputs] += share[:, :, *tap.outputs]


def _divisor(
    function: str,
    x: np.ndarray,
    y: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    count_include_pad: bool,
) -> np.ndarray:
    """Return how many pixels each window counts, (OH, OW), in the images' type."""
    check_window(function, kernel, stride, padding)
    check_shape(function, "y", y.shape, (*x.shape[:2], *y.shape[2:]))
    check_output(function, x.shape[2:], y.shape[2:], kernel, stride, padding)
    counts = []
    for axis in (0, 1):
        size, (before, after) = x.shape[2 + axis], padding[2 * axis : 2 * axis + 2]
        start = np.arange(y.shape[2 + axis]) * stride[axis] - before
        end = np.minimum(start + kernel[axis], size + after)
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, size)
        counts.append(np.maximum(end - start, 1))
    return np.outer(*counts).astype(x.dtype)
