"""Pooling: every window of an image becomes one number, its maximum or its mean."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array, check_allocation, check_gradient, check_images, contiguous
from cnnlite.checks.numbers import IntPair, flag
from cnnlite.checks.windows import (
    Padding,
    Window,
    output_size,
    resolve_pool_window,
    windows_of_pixel,
)
from cnnlite.functional.statistics import sum_in_double

__all__ = [
    "max_pool2d_forward",
    "max_pool2d_backward",
    "avg_pool2d_forward",
    "avg_pool2d_backward",
    "MaxPool2dCache",
    "MaxPool2x2Cache",
    "AvgPool2dCache",
]

# Kernel, stride, padding and dilation of the pooling that networks have, which has its own kernel.
_HALVING = ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1))


class MaxPool2dCache(NamedTuple):
    """What the backward pass of max-pooling needs."""

    argmax: npt.NDArray[np.int32]  # where each maximum stood: the only pixel that gets a gradient
    x_shape: tuple[int, ...]  # shape of dx
    dtype: np.dtype[Any]  # dtype of dx
    windows: int  # that a pixel may be in


class MaxPool2x2Cache(NamedTuple):
    """The same for windows of 2x2 side by side, in a quarter of the memory."""

    pixel: npt.NDArray[np.uint8]  # which of its window's pixels each maximum was: 0 to 3, by rows
    x_shape: tuple[int, ...]  # shape of dx
    dtype: np.dtype[Any]  # dtype of dx

    @property
    def argmax(self) -> npt.NDArray[np.int32]:
        """Where each maximum stood, as in MaxPool2dCache."""
        rows, columns = np.indices(self.pixel.shape[2:], np.int32)
        row, column = np.divmod(self.pixel, 2)
        positions: npt.NDArray[np.int32] = (2 * rows + row) * self.x_shape[3] + 2 * columns + column
        return positions.astype(np.int32, copy=False)


class AvgPool2dCache(NamedTuple):
    """What the backward pass of average-pooling needs: sizes only, for the mean is linear."""

    x_shape: tuple[int, ...]
    y_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]  # top, bottom, left, right
    count_include_pad: bool  # whether padding counts in a window's size


def max_pool2d_forward(
    x: Array,
    kernel_size: IntPair,
    stride: IntPair | None = None,
    padding: Padding = 0,
    dilation: IntPair = 1,
    ceil_mode: bool = False,
) -> tuple[Array, MaxPool2dCache | MaxPool2x2Cache]:
    """Take the maximum of every window; `torch.nn.functional.max_pool2d`.

    Args:
        x: (N, C, H, W), float32 or float64.
        kernel_size, dilation: int, pair or tuple of one, in pixels.
        stride: the same; None means kernel_size.
        padding: int, pair, ((top, bottom), (left, right)), "same" or "valid"; at most half a
            kernel.  Padded pixels never win.
        ceil_mode: True lets a last window stick out at the bottom or right.

    Returns:
        y (N, C, OH, OW) and the cache.  A NaN wins its window; of equal maxima the first does.  A
        dilated window that steps over a small image altogether gives -inf.

    Raises:
        TypeError: x is not float32 or float64.
        ValueError: x is not (N, C, H, W), or a setting does not fit.
    """
    check_images("MaxPool2d", x)
    window = resolve_pool_window("MaxPool2d", kernel_size, stride, padding, dilation, x.shape[2:])
    return take_maxima("MaxPool2d", x, window, flag("MaxPool2d", "ceil_mode", ceil_mode))


def take_maxima(
    name: str, x: Array, window: Window, ceil_mode: bool
) -> tuple[Array, MaxPool2dCache | MaxPool2x2Cache]:
    """Return what `max_pool2d_forward` does, of arguments that have been checked.

    Args:
        name: the layer, which starts every message.
        x, ceil_mode: as there.
        window: what `resolve_pool_window` returned.
    """
    kernel, strides, sides, dilations = window
    size = (x.shape[2], x.shape[3])
    check_plane(name, *size)
    shape = (*x.shape[:2], *output_size(name, size, *window, ceil_mode))
    check_allocation(name, "the output", shape, x.dtype)
    y = empty(shape, x.dtype)
    halves = (size[0] // 2, size[1] // 2)
    if (kernel, strides, sides, dilations, shape[2:]) == (*_HALVING, halves):
        pixel = empty(shape, np.uint8)
        kernels.max_pool2x2_forward(contiguous(x), y, pixel, False)
        return y, MaxPool2x2Cache(pixel, x.shape, x.dtype)
    argmax = empty(shape, np.int32)
    kernels.max_pool2d_forward(contiguous(x), y, argmax, kernel, strides, sides, dilations)
    return y, MaxPool2dCache(argmax, x.shape, x.dtype, windows_of_pixel(kernel, strides, dilations))


def check_plane(name: str, height: int, width: int) -> None:
    """Raise ValueError unless int32 can number the pixels of a plane."""
    most = 2**31 - 1
    if height * width > most:
        raise ValueError(
            f"{name}: x has {height} x {width} pixels in a plane, at most {most} can be indexed"
        )


def max_pool2d_backward(dy: Array, cache: MaxPool2dCache | MaxPool2x2Cache) -> Array:
    """Give each dy to the pixel that was the maximum; add up where windows overlap.

    Args:
        dy: (N, C, OH, OW).
        cache: what `max_pool2d_forward` returned; unchanged.

    Returns:
        dx (N, C, H, W).
    """
    where = cache.pixel if isinstance(cache, MaxPool2x2Cache) else cache.argmax
    dy = check_gradient("MaxPool2d", dy, where.shape, cache.dtype)
    dx = empty(cache.x_shape, cache.dtype)
    if isinstance(cache, MaxPool2x2Cache):
        kernels.max_pool2x2_backward(dy, where, dx)
    else:
        run = kernels.max_pool2d_backward
        sum_in_double(cache.windows, lambda dy, dx: run(dy, where, dx), dy, dx)
    return dx


def avg_pool2d_forward(
    x: Array,
    kernel_size: IntPair,
    stride: IntPair | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> tuple[Array, AvgPool2dCache]:
    """Take the mean of every window; `torch.nn.functional.avg_pool2d`.

    Args:
        x: (N, C, H, W), float32 or float64.
        kernel_size: int, pair or tuple of one, in pixels.
        stride: the same; None means kernel_size.
        padding: int, pair, ((top, bottom), (left, right)), "same" or "valid"; at most half a
            kernel, with zeros.
        ceil_mode: True lets a last window stick out at the bottom or right; what lies beyond the
            padding never counts.
        count_include_pad: True counts the padding's zeros in the mean.

    Returns:
        y (N, C, OH, OW) and the cache.

    Raises:
        TypeError: x is not float32 or float64.
        ValueError: x is not (N, C, H, W), or a setting does not fit.
    """
    check_images("AvgPool2d", x)
    window = resolve_pool_window("AvgPool2d", kernel_size, stride, padding, size=x.shape[2:])
    ceil_mode = flag("AvgPool2d", "ceil_mode", ceil_mode)
    counted = flag("AvgPool2d", "count_include_pad", count_include_pad)
    return take_means("AvgPool2d", x, window, ceil_mode, counted)


def take_means(
    name: str, x: Array, window: Window, ceil_mode: bool, count_include_pad: bool
) -> tuple[Array, AvgPool2dCache]:
    """Return what `avg_pool2d_forward` does; arguments as for `take_maxima`."""
    kernel, strides, sides, _ = window
    size = (x.shape[2], x.shape[3])
    shape = (*x.shape[:2], *output_size(name, size, *window, ceil_mode))
    check_allocation(name, "the output", shape, x.dtype)
    y = empty(shape, x.dtype)
    kernels.avg_pool2d_forward(contiguous(x), y, kernel, strides, sides, count_include_pad)
    return y, AvgPool2dCache(x.shape, shape, x.dtype, kernel, strides, sides, count_include_pad)


def avg_pool2d_backward(dy: Array, cache: AvgPool2dCache) -> Array:
    """Spread each dy evenly over its window.

    Args:
        dy: (N, C, OH, OW).
        cache: what `avg_pool2d_forward` returned; unchanged.

    Returns:
        dx (N, C, H, W).
    """
    dy = check_gradient("AvgPool2d", dy, cache.y_shape, cache.dtype)
    dx = empty(cache.x_shape, cache.dtype)
    window = cache.kernel, cache.stride, cache.padding, cache.count_include_pad
    windows, run = windows_of_pixel(*window[:2], (1, 1)), kernels.avg_pool2d_backward
    sum_in_double(windows, lambda dy, dx: run(dy, dx, *window), dy, dx)
    return dx
