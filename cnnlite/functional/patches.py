"""im2col and col2im: an image as the matrix of its patches, and back.

With a patch in every column a convolution is one matrix product.  `col2im` is the transpose of
`im2col`: where patches overlap it adds up.
"""

from __future__ import annotations

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array, check_allocation, check_floats, check_images, contiguous
from cnnlite.checks.numbers import IntPair, pair
from cnnlite.checks.windows import Padding, windows_of_pixel
from cnnlite.checks.windows import output_size as count_windows
from cnnlite.functional.conv.geometry import resolve_settings
from cnnlite.functional.statistics import sum_in_double

__all__ = ["im2col", "col2im"]


def im2col(
    x: Array, kernel_size: IntPair, stride: IntPair = 1, padding: Padding = 0, dilation: IntPair = 1
) -> Array:
    """Copy every patch of every image into a column; `torch.nn.functional.unfold`.

    Args:
        x: (N, C, H, W), float32 or float64.
        kernel_size, stride, dilation: int, pair or tuple of one, in pixels.
        padding: int, pair, ((top, bottom), (left, right)), "same" or "valid"; padded with zeros.

    Returns:
        (N, C*KH*KW, L): L patches from left to right, then down; in a column the channel changes
        slowest, then the kernel's row.

    Raises:
        TypeError: x is not float32 or float64.
        ValueError: x is not (N, C, H, W), a setting is out of range, no patch fits, or the result
            is too large to be addressed.
    """
    check_images("im2col", x)
    kernel = pair("im2col", "kernel_size", kernel_size)
    n, c, h, w = x.shape
    settings = resolve_settings("im2col", kernel, stride, padding, dilation, (h, w))
    rows, columns = count_windows("im2col", (h, w), kernel, *settings)
    shape = (n, c * kernel[0] * kernel[1], rows * columns)
    check_allocation("im2col", "the result", shape, x.dtype)
    cols = empty(shape, x.dtype)
    kernels.im2col(contiguous(x), cols, kernel, *settings)
    return cols


def col2im(
    cols: Array,
    output_size: IntPair,
    kernel_size: IntPair,
    stride: IntPair = 1,
    padding: Padding = 0,
    dilation: IntPair = 1,
) -> Array:
    """Add every column back to where `im2col` took it from; `torch.nn.functional.fold`.

    Args:
        cols: (N, C*KH*KW, L), float32 or float64.
        output_size: (H, W) of the images, without padding.
        kernel_size, stride, padding, dilation: as given to `im2col`.

    Returns:
        (N, C, H, W); what fell on the padding is dropped.

    Raises:
        TypeError: cols is not float32 or float64.
        ValueError: cols does not have the shape that `im2col` gives for these settings.
    """
    check_floats("col2im", cols=cols)
    height, width = pair("col2im", "output_size", output_size)
    kernel = pair("col2im", "kernel_size", kernel_size)
    size = (height, width)
    settings = resolve_settings("col2im", kernel, stride, padding, dilation, size)
    rows, columns = count_windows("col2im", size, kernel, *settings)
    patch = kernel[0] * kernel[1]
    if cols.ndim != 3 or cols.shape[1] == 0 or cols.shape[1] % patch:
        raise ValueError(
            f"col2im: cols must have shape (N, C*{patch}, L) for kernel {kernel}, got {cols.shape}"
        )
    if cols.shape[2] != rows * columns:
        raise ValueError(
            f"col2im: cols has {cols.shape[2]} columns, but {rows} x {columns} patches fit "
            f"an image of {(height, width)} (cols {cols.shape}, output_size {(height, width)}, "
            f"kernel_size {kernel}, stride {settings.stride}, padding {settings.padding}, "
            f"dilation {settings.dilation})"
        )
    shape = (cols.shape[0], cols.shape[1] // patch, height, width)
    check_allocation("col2im", "the result", shape, cols.dtype)
    x = empty(shape, cols.dtype)
    windows, run = windows_of_pixel(kernel, settings.stride, settings.dilation), kernels.col2im
    sum_in_double(windows, lambda c, x: run(c, x, kernel, *settings), contiguous(cols), x)
    return x
