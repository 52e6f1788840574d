"""Patches of images as the columns of a matrix, and back."""

import numpy as np

from cnnlite.quiet import quiet
from cnnlite.reference.windows import Pair, Sides, check_shape, check_window, output_sizes, taps

__all__ = ["col2im", "im2col"]


@quiet
def im2col(
    x: np.ndarray, cols: np.ndarray, kernel: Pair, stride: Pair, padding: Sides, dilation: Pair
) -> None:
    """Copy every patch of the images into a column; padding reads as zero.

    Args:
        x: in, images (N, C, H, W).
        cols: out, (N, C*KH*KW, OH*OW): rows ordered by channel, then kernel row, then kernel
            column; columns by output row, then output column.
        kernel: (KH, KW).
        stride: (SH, SW).
        padding: (top, bottom, left, right), in pixels.
        dilation: (DH, DW).

    Raises:
        ValueError: the window does not fit the image, or cols has another shape.
    """
    output = _check("im2col", x.shape, cols.shape, kernel, stride, padding, dilation)
    patches = np.zeros((*x.shape[:2], *kernel, *output), x.dtype)
    for tap in taps(x.shape[2:], output, kernel, stride, padding, dilation):
        patches[:, :, tap.kh, tap.kw, *tap.outputs] = x[:, :, *tap.inputs]
    cols[...] = patches.reshape(cols.shape)


@quiet
def col2im(
    cols: np.ndarray, dx: np.ndarray, kernel: Pair, stride: Pair, padding: Sides, dilation: Pair
) -> None:
    """Add every column back to the patch it was taken from: the transpose of im2col.

    Args:
        cols: in, (N, C*KH*KW, OH*OW), ordered as im2col does.
        dx: out, (N, C, H, W); what it held is overwritten.
        kernel: (KH, KW).
        stride: (SH, SW).
        padding: (top, bottom, left, right), in pixels; what falls there is dropped.
        dilation: (DH, DW).

    Raises:
        ValueError: the window does not fit the image, or cols has another shape.
    """
    output = _check("col2im", dx.shape, cols.shape, kernel, stride, padding, dilation)
    patches = cols.reshape((*dx.shape[:2], *kernel, *output))
    dx[...] = 0
    for tap in taps(dx.shape[2:], output, kernel, stride, padding, dilation):
        dx[:, :, *tap.inputs] += patches[:, :, tap.kh, tap.kw, *tap.outputs]


def _check(
    function: str,
    images: tuple[int, ...],
    cols: tuple[int, ...],
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
) -> Pair:
    """Return the output's height and width, or raise ValueError."""
    check_window(function, kernel, stride, padding, dilation)
    n, c, h, w = images
    oh, ow = output_sizes((h, w), kernel, stride, padding, dilation)
    if oh < 1 or ow < 1:
        raise ValueError(
            f"{function}: kernel {kernel} with dilation {dilation} is larger than the image "
            f"({h}, {w}) with padding {padding}"
        )
    check_shape(function, "cols", cols, (n, c * kernel[0] * kernel[1], oh * ow))
    return oh, ow
