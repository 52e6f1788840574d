"""Convolution as one matrix product per image, over the columns that im2col writes.

The second rung of the ladder, and the classic one.  The columns take KH*KW times the memory of
the images, so they are made for a few images at a time, in one buffer that is used again, and
they are not kept for the backward pass: that makes them anew.  Copying them again costs a small
part of the product; keeping them would make a network's caches KH*KW times as large.

The products are those of the linear layer and not NumPy's: the threads of NumPy's library would
fight with the kernels' for the processors, and its bits change with their number.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array, check_allocation
from cnnlite.functional.conv.geometry import ConvGeometry
from cnnlite.functional.post_ops import apply
from cnnlite.functional.statistics import sum_in_double, sum_over
from cnnlite.post_ops import NOTHING_KEPT, Kept, PostOps
from cnnlite.quiet import quiet

# A tile is as many images as have columns of this many bytes, and at least one image.
COLUMN_BYTES = 8 * 2**20


def unfit(geometry: ConvGeometry) -> str | None:
    """Return why this algorithm cannot do the job: never, it does every one."""
    return None


def undoes(which: str, kept: Kept, geometry: ConvGeometry) -> bool:
    """Return whether a gradient undoes the post-ops while it reads dy: here none does."""
    return False


@quiet
def forward(
    x: Array, weight: Array, bias: Array | None, geometry: ConvGeometry, post: PostOps
) -> tuple[Array, Kept]:
    """Return y = weight @ columns + bias, a tile of images at a time, and what follows it."""
    groups = geometry.groups
    matrix = weight.reshape(groups, geometry.out_channels // groups, -1)
    y = empty(geometry.y_shape, x.dtype)
    products = _products(y, geometry)
    for tile, columns in _columns(x, geometry):
        for i, group in np.ndindex(len(columns), groups):
            # out = a b: what a linear layer computes for its input's gradient
            kernels.linear_input_gradient(
                matrix[group], columns[i, group], products[tile][i, group]
            )
        if bias is not None:
            y[tile] += bias[:, None, None]
    return apply(y, post)


@quiet
def input_gradient(
    dy: Array, weight: Array, geometry: ConvGeometry, kept: Kept = NOTHING_KEPT
) -> Array:
    """Return dx: the columns' gradient is weight.T @ dy, and col2im adds it up."""
    groups, n = geometry.groups, geometry.batch
    matrix = weight.reshape(groups, geometry.out_channels // groups, -1)
    products = _products(dy, geometry)
    dx = empty(geometry.x_shape, dy.dtype)
    size = n if geometry.is_pointwise else _tile_size(geometry, dy.dtype)
    buffer = dx if geometry.is_pointwise else _column_buffer(size, geometry, dy.dtype)
    for start in range(0, n, max(1, size)):
        tile = slice(start, min(start + size, n))
        columns = _by_group(buffer[: tile.stop - start], geometry)
        for i, group in np.ndindex(len(columns), groups):
            # out = (a transposed) b: for its weight's gradient
            kernels.linear_weight_gradient(
                products[tile][i, group], matrix[group], columns[i, group], None
            )
        if not geometry.is_pointwise:
            sum_in_double(
                geometry.kernel[0] * geometry.kernel[1],
                lambda columns, dx: kernels.col2im(columns, dx, *geometry.window),
                buffer[: tile.stop - start],
                dx[tile],
            )
    return dx


@quiet
def weight_gradient(
    dy: Array, x: Array, geometry: ConvGeometry, has_bias: bool, kept: Kept = NOTHING_KEPT
) -> tuple[Array, Array | None]:
    """Return dweight = dy @ columns.T, summed over the images in float64, and dbias."""
    groups = geometry.groups
    products = _products(dy, geometry)
    shape = (groups, geometry.out_channels // groups, geometry.patch_size // groups)
    dweight = np.zeros(shape)
    one = np.empty(shape, dy.dtype)
    for tile, columns in _columns(x, geometry):
        for i in range(len(columns)):
            for group in range(groups):
                # out = a (b transposed): forwards
                a, b = products[tile][i, group], columns[i, group]
                kernels.linear_forward(a, b, None, one[group])
            dweight += one
    dbias = sum_over(dy, (0, 2, 3)) if has_bias else None
    return dweight.astype(dy.dtype, copy=False).reshape(geometry.weight_shape), dbias


def _columns(x: Array, geometry: ConvGeometry) -> Iterator[tuple[slice, Array]]:
    """Yield tiles of images with their columns (images, groups, C/groups*KH*KW, OH*OW)."""
    n = geometry.batch
    if geometry.is_pointwise:
        yield slice(0, n), _by_group(x, geometry)
        return
    size = _tile_size(geometry, x.dtype)
    buffer = _column_buffer(size, geometry, x.dtype)
    for start in range(0, n, size):
        tile = slice(start, min(start + size, n))
        columns = buffer[: tile.stop - start]
        kernels.im2col(x[tile], columns, *geometry.window)
        yield tile, _by_group(columns, geometry)


def _products(y: Array, geometry: ConvGeometry) -> Array:
    """Return a view of y as the matrix products write it: (images, groups, F/groups, OH*OW)."""
    filters = geometry.out_channels // geometry.groups
    return y.reshape(len(y), geometry.groups, filters, geometry.windows)


def _by_group(columns: Array, geometry: ConvGeometry) -> Array:
    """Return a view by group: the channel changes slowest, so a group is consecutive rows."""
    rows = geometry.patch_size // geometry.groups
    return columns.reshape(len(columns), geometry.groups, rows, geometry.windows)


def _tile_size(geometry: ConvGeometry, dtype: np.dtype[np.floating]) -> int:
    per_image = geometry.patch_size * geometry.windows * dtype.itemsize
    return max(1, min(geometry.batch, COLUMN_BYTES // per_image))


def _column_buffer(size: int, geometry: ConvGeometry, dtype: np.dtype[np.floating]) -> Array:
    shape = (size, geometry.patch_size, geometry.windows)
    check_allocation(geometry.name, "the buffer of columns", shape, dtype)
    return empty(shape, dtype)
