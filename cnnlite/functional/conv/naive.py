"""Convolution as its definition says it: loops over images, filters, rows and columns.

The first rung of the ladder.  It is here to be read and to judge the others, not to be fast.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnlite.checks.arrays import Array, check_allocation
from cnnlite.functional.conv.geometry import ConvGeometry
from cnnlite.functional.post_ops import apply
from cnnlite.functional.statistics import sum_over
from cnnlite.post_ops import NOTHING_KEPT, Kept, PostOps
from cnnlite.quiet import quiet


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
    """Return y: at each place the sum of a patch times a filter, plus the filter's bias."""
    padded = _pad(x, geometry)
    y = np.empty(geometry.y_shape, x.dtype)
    for n, f, i, j, patch in _places(geometry):
        y[n, f, i, j] = np.sum(padded[patch] * weight[f])
        if bias is not None:
            y[n, f, i, j] += bias[f]
    return apply(y, post)


@quiet
def input_gradient(
    dy: Array, weight: Array, geometry: ConvGeometry, kept: Kept = NOTHING_KEPT
) -> Array:
    """Return dx: each patch receives the filter, scaled by the gradient of its output."""
    dpadded = _pad(np.zeros(geometry.x_shape), geometry)  # sums are added in float64
    for n, f, i, j, patch in _places(geometry):
        dpadded[patch] += weight[f] * dy[n, f, i, j]
    top, _, left, _ = geometry.padding
    inside = dpadded[:, :, top : top + geometry.height, left : left + geometry.width]
    return inside.astype(dy.dtype, order="C")


@quiet
def weight_gradient(
    dy: Array, x: Array, geometry: ConvGeometry, has_bias: bool, kept: Kept = NOTHING_KEPT
) -> tuple[Array, Array | None]:
    """Return dweight: each filter receives the patch, scaled by the gradient of its output.

    dbias, the sum of those gradients, is None without a bias.
    """
    padded = _pad(x, geometry)
    dweight = np.zeros(geometry.weight_shape)
    for n, f, i, j, patch in _places(geometry):
        dweight[f] += padded[patch] * dy[n, f, i, j]
    return dweight.astype(dy.dtype, copy=False), sum_over(dy, (0, 2, 3)) if has_bias else None


def _places(
    geometry: ConvGeometry,
) -> Iterator[tuple[int, int, int, int, tuple[int | slice, ...]]]:
    """Yield every output (image, filter, row, column) and the index of the patch it sees."""
    (kh, kw), (sh, sw), (dh, dw) = geometry.kernel, geometry.stride, geometry.dilation
    seen = geometry.in_channels // geometry.groups
    for n in range(geometry.batch):
        for f in range(geometry.out_channels):
            first = f // (geometry.out_channels // geometry.groups) * seen
            for i in range(geometry.out_height):
                for j in range(geometry.out_width):
                    rows = slice(i * sh, i * sh + dh * (kh - 1) + 1, dh)
                    columns = slice(j * sw, j * sw + dw * (kw - 1) + 1, dw)
                    yield n, f, i, j, (n, slice(first, first + seen), rows, columns)


def _pad(x: Array, geometry: ConvGeometry) -> Array:
    top, bottom, left, right = geometry.padding
    n, c, h, w = x.shape
    shape = (n, c, h + top + bottom, w + left + right)
    check_allocation(geometry.name, "the padded x", shape, x.dtype)
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
