"""Which pixels each window of a layer sees, as two tables: one of rows, one of columns.

Stride, padding, dilation, padding modes, odd sizes and adaptive windows are all in the tables, so
that whoever asks where a number comes from, or where a pixel goes to, only looks them up.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cnnlite.checks import one_axis
from cnnlite.checks.windows import resolve_pool_window
from cnnlite.functional.conv.borders import MODES
from cnnlite.functional.conv.geometry import resolve_settings

__all__ = ["NO_TAP", "PADDING", "Windows", "adaptive", "of_convolution", "of_pooling", "transposed"]

PADDING, NO_TAP = -1, -2
"""In a table: a zero around the image; and no pixel at all, not even padding."""


class Windows(NamedTuple):
    """Where the windows of a layer lie.

    Attributes:
        rows: integers (OH, KH): the image's row under each tap of each row of windows.
        columns: integers (OW, KW), likewise.
    """

    rows: np.ndarray
    columns: np.ndarray

    def over(self, row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the windows that see a pixel, (T, 2), and with which tap, (T, 2)."""
        rows, columns = (
            np.argwhere(table == place)
            for table, place in ((self.rows, row), (self.columns, column))
        )
        pairs = [(r[0], c[0], r[1], c[1]) for r in rows for c in columns]
        both = np.array(pairs, np.int64).reshape(-1, 4)
        return both[:, :2], both[:, 2:]


def of_convolution(layer: Any, image: tuple[int, int], output: tuple[int, int]) -> Windows:
    """Return the windows of a Conv1d or a Conv2d over images (height, width)."""
    if len(layer.kernel_size) == 1:
        window = one_axis.resolve_window(
            "Conv1d", layer.kernel_size, layer.stride, layer.padding, layer.dilation, image[1]
        )
        kernel, stride, sides, dilation = window
    else:
        kernel = layer.kernel_size
        stride, sides, dilation = resolve_settings(
            "Conv2d", kernel, layer.stride, layer.padding, layer.dilation, image
        )
    mode = layer.padding_mode
    return Windows(
        *(
            _table(image[k], output[k], kernel[k], stride[k], sides[2 * k :], dilation[k], mode)
            for k in (0, 1)
        )
    )


def of_pooling(layer: Any, image: tuple[int, int], output: tuple[int, int]) -> Windows:
    """Return the windows of a max-pooling or average pooling; what sticks out has NO_TAP."""
    name, dilation = type(layer).__name__, getattr(layer, "dilation", 1)
    settings = layer.kernel_size, layer.stride, layer.padding, dilation
    if "1d" in name:
        window = one_axis.resolve_pool_window(name, *settings, image[1])
    else:
        window = resolve_pool_window(name, *settings, image)
    kernel, stride, sides, dilations = window
    return Windows(
        *(
            _table(image[k], output[k], kernel[k], stride[k], sides[2 * k :], dilations[k], "zeros")
            for k in (0, 1)
        )
    )


def transposed(layer: Any, image: tuple[int, int], output: tuple[int, int]) -> Windows:
    """Return what each pixel of a transposed convolution's output sees of its input."""
    stride, sides, dilation = resolve_settings(
        "ConvTranspose2d", layer.kernel_size, layer.stride, layer.padding, layer.dilation
    )
    tables = []
    for k in (0, 1):
        taps = np.arange(layer.kernel_size[k]) * dilation[k]
        place, rest = np.divmod(np.arange(output[k])[:, None] + sides[2 * k] - taps, stride[k])
        there = (rest == 0) & (place >= 0) & (place < image[k])
        tables.append(np.where(there, place, NO_TAP))
    return Windows(*tables)


def adaptive(image: tuple[int, int], output: tuple[int, int]) -> Windows:
    """Return the windows of an adaptive pooling; shorter ones are filled up with NO_TAP."""
    tables = []
    for size, windows in zip(image, output, strict=True):
        number = np.arange(windows)
        first, end = number * size // windows, -(-(number + 1) * size // windows)
        place = first[:, None] + np.arange((end - first).max())
        tables.append(np.where(place < end[:, None], place, NO_TAP))
    return Windows(*tables)


def _table(
    size: int, windows: int, kernel: int, stride: int, sides: Any, dilation: int, mode: str
) -> np.ndarray:
    """Return the table of one axis; `sides` begins with the padding before and after."""
    before, after = sides[:2]
    pixels = np.arange(size)
    if mode == "zeros":
        padded = np.pad(pixels, (before, after), constant_values=PADDING)
    else:
        padded = np.pad(pixels, (before, after), MODES[mode])
    place = np.arange(windows)[:, None] * stride + np.arange(kernel) * dilation
    inside = place < len(padded)
    return np.where(inside, padded[np.where(inside, place, 0)], NO_TAP)
