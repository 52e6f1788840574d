"""The filters and the maps of a kept epoch as one picture, for whoever opens the folder."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from cnnlite.files import replace_file
from cnnlite.training.kept import Kept

__all__ = ["save_sheet"]

CELL = 32  # pixels, and one between
COLUMNS = 16
PAPER = 255


def save_sheet(kept: Kept, path: Path) -> None:
    """Draw the first convolution's filters, then a row of maps for each layer, of the first image.

    Args:
        kept: the epoch.
        path: the PNG; one that is there is replaced, wholly or not at all.

    Raises:
        ImportError: Pillow is not installed.
        OSError: the file cannot be written.
    """
    from PIL import Image

    shown = [kept.images, *(maps[0][:, None] for maps in kept.maps.values())]
    rows = [_row(pictures[:COLUMNS]) for pictures in shown]
    if kept.filters is not None:
        filters = filter_pictures(kept.filters)
        rows[1:1] = [_row(filters[i : i + COLUMNS]) for i in range(0, len(filters), COLUMNS)]
    content = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(content, "PNG", compress_level=1)
    replace_file(path, content.getvalue())


def filter_pictures(weight: np.ndarray) -> np.ndarray:
    """Return filters as pictures: uint8 (F, 3, KH, KW) of three channels, else (F, 1, KH, KW).

    Zero is mid-grey in all of them, and the largest number of each filter is black or white.
    Filters on other numbers of channels are shown by the mean over these.

    Args:
        weight: (F, C, KH, KW) or (F, C, K).
    """
    weight = weight.reshape(*weight.shape[:2], -1, weight.shape[-1]).astype(np.float64)
    if weight.shape[1] != 3:
        weight = weight.mean(axis=1, keepdims=True)
    weight = np.nan_to_num(weight, nan=0, posinf=0, neginf=0)
    largest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
    return np.rint(127.5 + 127.5 * weight / np.where(largest > 0, largest, 1)).astype(np.uint8)


def _row(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (N, C, H, W) beside one another, as a strip of the sheet's width.

    Each is as large as its cell, nearest pixels, its shape kept.
    """
    count, channels, height, width = pictures.shape
    scale = CELL / max(height, width)
    rows, columns = (max(1, round(scale * size)) for size in (height, width))
    across = np.arange(columns) * width // columns
    down = np.arange(rows) * height // rows
    large = pictures[:, : 3 if channels == 3 else 1, down[:, None], across]
    strip = np.full((CELL + 1, COLUMNS, CELL + 1, 3), PAPER, np.uint8)
    strip[:rows, :count, :columns] = large.transpose(2, 0, 3, 1)
    return strip.reshape(CELL + 1, -1, 3)
