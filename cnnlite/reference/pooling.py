"""Max-pooling and average-pooling.

Floor or ceil mode shows in the output's shape only: with ceil mode, the last windows may reach
beyond the padding.
"""

import numpy as np

from cnnlite.reference.windows import Pair, Sides, check_output, check_shape, check_window, taps

__all__ = [
    "avg_pool2d_backward",
    "avg_pool2d_forward",
    "max_pool2d_backward",
    "max_pool2d_forward",
]


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


def avg_pool2d_forward(
    x: np.ndarray,
    y: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    count_include_pad: bool,
) -> None:
    """Take the mean of every window.

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
    y[...] = 0
    for tap in taps(x.shape[2:], y.shape[2:], kernel, stride, padding, (1, 1)):
        y[:, :, *tap.outputs] += x[:, :, *tap.inputs]
    y /= divisor


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
