"""The course's im2col.py: all patches of all images in one matrix, images changing fastest."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.compat.promotion import promoted
from cnnlite.functional import col2im, im2col

__all__ = ["col2im_indices", "im2col_indices"]


def im2col_indices(
    x: Any, field_height: int, field_width: int, padding: int = 1, stride: int = 1
) -> Array:
    """Return the patches of images (N, C, H, W) as columns (C * HH * WW, L * N).

    Raises:
        TypeError, ValueError: as `cnnlite.functional.im2col`.
    """
    (x,) = promoted("im2col_indices", x=x)
    cols = im2col(x, (field_height, field_width), stride, padding)
    return np.ascontiguousarray(cols.transpose(1, 2, 0)).reshape(cols.shape[1], -1)


def col2im_indices(
    cols: Any,
    x_shape: tuple[int, int, int, int],
    field_height: int = 3,
    field_width: int = 3,
    padding: int = 1,
    stride: int = 1,
) -> Array:
    """Add every column back to where `im2col_indices` took it from.

    Args:
        cols: (C * HH * WW, L * N).
        x_shape: (N, C, H, W) of the images.
        field_height, field_width, padding, stride: as given to `im2col_indices`.

    Raises:
        TypeError, ValueError: as `cnnlite.functional.col2im`.
    """
    (cols,) = promoted("col2im_indices", cols=cols)
    n, _, *size = x_shape
    if cols.ndim != 2 or not n or cols.shape[1] % n:
        raise ValueError(
            f"col2im_indices: cols must have shape (C * HH * WW, L * {n}), got {cols.shape}"
        )
    by_image = cols.reshape(len(cols), cols.shape[1] // n, n).transpose(2, 0, 1)
    return col2im(by_image, tuple(size), (field_height, field_width), stride, padding)
