"""Adaptive pooling: the output's size is given, and each of its pixels has a window of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array, check_allocation, check_gradient, check_images, contiguous
from cnnlite.checks.numbers import IntPair, pair
from cnnlite.functional.pooling import check_plane
from cnnlite.functional.statistics import sum_in_double
from cnnlite.quiet import quiet

__all__ = [
    "AdaptiveAvgPool2dCache", "AdaptiveMaxPool2dCache", "adaptive_avg_pool2d_forward",
    "adaptive_avg_pool2d_backward", "adaptive_max_pool2d_forward", "adaptive_max_pool2d_backward",
]  # fmt: skip

AdaptiveSize = IntPair | tuple[int | None, int | None]
"""Height and width of the output; None in it keeps the image's."""

Windows = list[tuple[int, int, int]]


class AdaptiveAvgPool2dCache(NamedTuple):
    """What the backward pass of adaptive average-pooling needs: sizes only."""

    x_shape: tuple[int, ...]
    y_shape: tuple[int, ...]
    dtype: np.dtype[Any]


class AdaptiveMaxPool2dCache(NamedTuple):
    """What the backward pass of adaptive max-pooling needs."""

    argmax: npt.NDArray[np.int32]  # where each maximum stood: h * W + w
    x_shape: tuple[int, ...]
    dtype: np.dtype[Any]


@quiet
def adaptive_avg_pool2d_forward(
    x: Array, output_size: AdaptiveSize = 1
) -> tuple[Array, AdaptiveAvgPool2dCache]:
    """Take the mean of each window; `torch.nn.functional.adaptive_avg_pool2d`.

    Row i of OH rows has the window of rows from floor(i * H / OH) to ceil((i + 1) * H / OH), and
    columns likewise; 1 is "global average pooling".

    Args:
        x: (N, C, H, W), float32 or float64.
        output_size: (OH, OW), or an int for both; None in it keeps the image's.

    Returns:
        y (N, C, OH, OW) and the cache.

    Raises:
        TypeError: x is not float32 or float64.
        ValueError: x is not (N, C, H, W), or output_size is no size.

    Source: Lin, Chen and Yan, "Network in Network", 2013, section 3.2.
    """
    x, y = _prepare("AdaptiveAvgPool2d", x, output_size)
    height, width = x.shape[2:]
    if y.shape[2:] == (1, 1):
        np.add.reduce(x, axis=(2, 3), keepdims=True, out=y)
        y /= height * width  # not np.mean, which divides in float64 and allocates a buffer for that
    else:
        for i, top, bottom in _windows(height, y.shape[2]):
            strip = np.add.reduce(x[:, :, top:bottom], axis=2, dtype=np.float64)
            for j, left, right in _windows(width, y.shape[3]):
                total = strip[:, :, left:right].sum(axis=2)
                y[:, :, i, j] = total / ((bottom - top) * (right - left))
    return y, AdaptiveAvgPool2dCache(x.shape, y.shape, x.dtype)


@quiet
def adaptive_avg_pool2d_backward(dy: Array, cache: AdaptiveAvgPool2dCache) -> Array:
    """Spread each dy evenly over its window; add up where windows overlap.

    Args:
        dy: (N, C, OH, OW).
        cache: what `adaptive_avg_pool2d_forward` returned; unchanged.

    Returns:
        dx (N, C, H, W).
    """
    (height, width), (rows, columns) = cache.x_shape[2:], cache.y_shape[2:]
    dy = check_gradient("AdaptiveAvgPool2d", dy, cache.y_shape, cache.dtype)
    dx = empty(cache.x_shape, cache.dtype)
    if (rows, columns) == (1, 1):
        np.divide(dy, height * width, out=dx)
        return dx

    def spread(dy: Array, dx: Array) -> None:
        dx[...] = 0
        for i, top, bottom in _windows(height, rows):
            for j, left, right in _windows(width, columns):
                share = dy[:, :, i, j] / dx.dtype.type((bottom - top) * (right - left))
                dx[:, :, top:bottom, left:right] += share[:, :, None, None]

    sum_in_double(_windows_of_pixel(cache.x_shape, cache.y_shape), spread, dy, dx)
    return dx


def adaptive_max_pool2d_forward(
    x: Array, output_size: AdaptiveSize = 1
) -> tuple[Array, AdaptiveMaxPool2dCache]:
    """Take the maximum of each window; `torch.nn.functional.adaptive_max_pool2d`.

    Args:
        x: (N, C, H, W), float32 or float64.
        output_size: as for `adaptive_avg_pool2d_forward`, which says where the windows are.

    Returns:
        y (N, C, OH, OW) and the cache.  A NaN wins its window; of equal maxima the first does.

    Raises:
        TypeError: x is not float32 or float64.
        ValueError: x is not (N, C, H, W) or its planes are too large, or output_size is no size.
    """
    x, y = _prepare("AdaptiveMaxPool2d", x, output_size)
    n, c, height, width = x.shape
    check_plane("AdaptiveMaxPool2d", height, width)
    argmax = empty(y.shape, np.int32)
    (rows, row_left), (columns, column_left) = map(divmod, (height, width), y.shape[2:])
    if rows and columns and not row_left and not column_left:  # side by side
        kernel = rows, columns
        kernels.max_pool2d_forward(x, y, argmax, kernel, kernel, (0, 0, 0, 0), (1, 1))
        return y, AdaptiveMaxPool2dCache(argmax, x.shape, x.dtype)
    for i, top, bottom in _windows(height, y.shape[2]):
        for j, left, right in _windows(width, y.shape[3]):
            pixels = (bottom - top) * (right - left)
            window = x[:, :, top:bottom, left:right].reshape(n, c, pixels)
            best = window.argmax(axis=2)
            y[:, :, i, j] = np.take_along_axis(window, best[:, :, None], 2)[:, :, 0]
            row, column = np.divmod(best, right - left)
            argmax[:, :, i, j] = (top + row) * width + left + column
    return y, AdaptiveMaxPool2dCache(argmax, x.shape, x.dtype)


def adaptive_max_pool2d_backward(dy: Array, cache: AdaptiveMaxPool2dCache) -> Array:
    """Give each dy to the pixel that was the maximum; add up where windows overlap.

    Args:
        dy: (N, C, OH, OW).
        cache: what `adaptive_max_pool2d_forward` returned; unchanged.

    Returns:
        dx (N, C, H, W).
    """
    argmax = cache.argmax
    dy = check_gradient("AdaptiveMaxPool2d", dy, argmax.shape, cache.dtype)
    dx = empty(cache.x_shape, cache.dtype)
    windows = _windows_of_pixel(cache.x_shape, argmax.shape)
    sum_in_double(windows, lambda dy, dx: kernels.max_pool2d_backward(dy, argmax, dx), dy, dx)
    return dx


def adaptive_size(
    name: str, output_size: AdaptiveSize, image: tuple[int, int] = (1, 1)
) -> tuple[int, int]:
    """Return the output's height and width for an image of that size.

    Raises:
        ValueError: output_size is no size.
    """
    if isinstance(output_size, tuple | list) and len(output_size) == 2:
        sizes = zip(image, output_size, strict=True)
        height, width = (own if size is None else size for own, size in sizes)
        return pair(name, "output_size", (height, width))
    return pair(name, "output_size", output_size)


def _prepare(name: str, x: Array, output_size: AdaptiveSize) -> tuple[Array, Array]:
    """Return x as kernels can read it, and memory for y."""
    adaptive_size(name, output_size)
    check_images(name, x)
    shape = (*x.shape[:2], *adaptive_size(name, output_size, (x.shape[2], x.shape[3])))
    check_allocation(name, "the output", shape, x.dtype)
    return contiguous(x), empty(shape, x.dtype)


def _windows(size: int, windows: int) -> Windows:
    """Return each window along an axis: its number, its first pixel, the one after its last."""
    return [(i, i * size // windows, -(-(i + 1) * size // windows)) for i in range(windows)]


def _windows_of_pixel(x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> int:
    """Return how many windows a pixel may be in, at most."""
    sizes = zip(x_shape[2:], y_shape[2:], strict=True)
    rows, columns = (-(-out // size) + 1 for size, out in sizes)
    return rows * columns
