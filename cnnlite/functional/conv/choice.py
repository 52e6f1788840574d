"""Which rung of the ladder "auto" takes, by shape: a table of measurements, never the clock.

`python -m benchmarks.choice` measures the rungs over a grid of shapes and says where this table is
not the fastest.  It is committed, not measured where it runs, so that a network has the same bits
on every run.
"""

from __future__ import annotations

import operator
from functools import lru_cache
from math import prod
from typing import NamedTuple

from cnnlite.functional.conv.geometry import ConvGeometry


class Passes(NamedTuple):
    """A rung of the ladder for each of the three products of a convolution."""

    forward: str
    input_gradient: str
    weight_gradient: str


class Row(NamedTuple):
    """Where Winograd is the fastest: channels of one group at least, pixels at most."""

    narrow: int  # channels on the side that has fewer
    wide: int  # channels on the other side
    pixels: float  # height and width of the output


ANY = float("inf")

LARGE_SIDES = range(4, 9)
"""Rows and columns of the kernels, other than 3x3, that Winograd's rung takes."""

# 3x3 kernels with stride 1, in each of the passes; what is in no row is tiled.  Below 16 channels
# the transforms cost more than they save, unless an image is so small that tiled's rows of pixels
# fill no vector.
WINOGRAD: tuple[tuple[Row, ...], ...] = (
    (Row(16, 16, ANY), Row(8, 16, 16), Row(8, 8, 8), Row(1, 16, 7)),  # forward
    (Row(16, 16, ANY), Row(8, 16, 16), Row(8, 8, 8), Row(1, 16, ANY)),  # input gradient
    (Row(16, 16, ANY), Row(8, 16, 16)),  # weight gradient
)


class LargeRow(NamedTuple):
    """Where Winograd is the fastest for kernels of 4 to 8 rows and columns: all of it at least."""

    kernel: int  # rows times columns
    narrow: int  # channels on the side that has fewer
    wide: int  # channels on the other side
    pixels: int  # height and width of the output


# With stride 1.  With few channels a product is short, and the transforms cost more than it saves
# unless a kernel is large.
LARGE: tuple[tuple[LargeRow, ...], ...] = (
    (LargeRow(49, 3, 16, 1), LargeRow(16, 16, 16, 1)),  # forward
    (LargeRow(49, 3, 16, 1), LargeRow(16, 16, 16, 1)),  # input gradient
    (LargeRow(49, 3, 16, 1), LargeRow(36, 16, 16, 12)),  # weight gradient
)

# F(2x2) instead of F(4x4) where a batch has at most so many 4x4 tiles: with so few, the time goes
# to the transformed weights, which take 4 numbers for 16 pixels instead of 9.
FEW_TILES = (4, 4, 2)


# Of a depthwise convolution, forward: so many filters for a channel fill tiled's panels, and so few
# pixels in a row leave much of depthwise's vectors empty.
MANY_FILTERS, FEW_PIXELS = 8, 8


@lru_cache(maxsize=1024)  # a network asks for its few shapes in each step
def choose(geometry: ConvGeometry) -> Passes:
    """Return the rungs that "auto" stands for."""
    if 1 < geometry.groups == geometry.in_channels:
        filters = geometry.out_channels // geometry.groups
        panels = filters >= MANY_FILTERS and max(geometry.y_shape[2:]) <= FEW_PIXELS
        return Passes("tiled" if panels else "depthwise", "depthwise", "depthwise")
    if (geometry.stride, geometry.dilation) != ((1, 1), (1, 1)):
        return Passes("tiled", "tiled", "tiled")
    if geometry.kernel == (3, 3):
        return Passes(*("winograd" if _in(rows, geometry) else "tiled" for rows in WINOGRAD))
    large = all(side in LARGE_SIDES for side in geometry.kernel)
    return Passes(
        *("winograd" if large and _in_large(rows, geometry) else "tiled" for rows in LARGE)
    )


@lru_cache(maxsize=1024)
def tile_sides(geometry: ConvGeometry) -> tuple[int, int, int]:
    """Return the side of Winograd's tiles of outputs, 2 or 4, in each of the passes."""
    if geometry.kernel != (3, 3):
        return 4, 4, 4
    tiles = geometry.batch * -(-geometry.out_height // 4) * -(-geometry.out_width // 4)
    forward, input_gradient, weight_gradient = (2 if tiles <= few else 4 for few in FEW_TILES)
    return forward, input_gradient, weight_gradient


def _in_large(rows: tuple[LargeRow, ...], geometry: ConvGeometry) -> bool:
    channels = geometry.in_channels // geometry.groups, geometry.out_channels // geometry.groups
    size = prod(geometry.kernel), min(channels), max(channels)
    shape = LargeRow(*size, min(geometry.out_height, geometry.out_width))
    return any(all(map(operator.ge, shape, row)) for row in rows)


def _in(rows: tuple[Row, ...], geometry: ConvGeometry) -> bool:
    channels = geometry.in_channels // geometry.groups, geometry.out_channels // geometry.groups
    pixels = max(geometry.out_height, geometry.out_width)
    return any(
        min(channels) >= row.narrow and max(channels) >= row.wide and pixels <= row.pixels
        for row in rows
    )
