"""The course's vis_utils.py: images in a grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.compat.promotion import promoted

__all__ = ["visualize_grid"]


def visualize_grid(Xs: Any, ubound: float = 255.0, padding: int = 1) -> Array:
    """Return images in a square grid, each scaled by itself to fill 0 to `ubound`.

    Args:
        Xs: (N, H, W, C), of any number type.
        ubound: the brightest value.
        padding: black pixels between images.

    Returns:
        (rows, columns, C), 0 where there is no image; an image of one colour is 0 too.

    Raises:
        TypeError, ValueError: Xs are no images.
    """
    (images,) = promoted("visualize_grid", Xs=Xs)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"visualize_grid: Xs must have shape (N, H, W, C), none of them 0, got {images.shape}"
        )
    n, height, width, channels = images.shape
    side = math.ceil(math.sqrt(n))
    rows, columns = height + padding, width + padding
    grid = np.zeros((side * rows - padding, side * columns - padding, channels))
    for place, image in enumerate(images):
        row, column = divmod(place, side)
        low, high = image.min(), image.max()
        if high > low:
            scaled = ubound * (image - low) / (high - low)
            grid[row * rows :][:height, column * columns :][:, :width] = scaled
    return grid
