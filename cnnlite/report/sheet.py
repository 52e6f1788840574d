"""A picture of a data set: the first images of each class in a row, beside the class's name."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cnnlite.data.embedded import contact_sheet
from cnnlite.files import replace_file

__all__ = ["save"]

SIDE = 96  # pixels at least, of an image in the sheet
TEXT = 22  # pixels, the height of a class's name
INK = "#333333"
MARGIN = 12


def save(
    data: Mapping[str, np.ndarray], class_names: Sequence[str], path: Path, title: str = ""
) -> None:
    """Draw the first training images of each class, one row a class; it needs Pillow.

    Args:
        data: with X_train, uint8 (N, C, H, W), and y_train.
        class_names: the name of each label.
        path: the picture, in the format that its ending says; one that is there is replaced,
            wholly or not at all.
        title: a line above the images.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: the path has an ending that is no picture's, or the data cannot be drawn.
        OSError: the file cannot be written.
    """
    from PIL import Image, ImageDraw, ImageFont

    form = Image.registered_extensions().get(path.suffix.lower())
    if form not in Image.SAVE:
        raise ValueError(f"{path}: the ending {path.suffix!r} is no picture's, expected .png")
    labels = data["y_train"]
    sheet = contact_sheet(data["X_train"], labels)
    scale = max(1, -(-SIDE // data["X_train"].shape[-1]))
    large = np.repeat(np.repeat(sheet, scale, axis=0), scale, axis=1)
    large = np.broadcast_to(large, (*large.shape[:2], 3))
    names = [class_names[label] for label in np.unique(labels)]
    font = ImageFont.load_default(TEXT)
    left = 2 * MARGIN + round(max(font.getlength(text) for text in names))
    top = 2 * MARGIN + TEXT if title else 0
    picture = Image.new("RGB", (left + large.shape[1], top + large.shape[0]), "white")
    picture.paste(Image.fromarray(np.ascontiguousarray(large)), (left, top))
    draw = ImageDraw.Draw(picture)
    draw.text((left + 2 * scale, MARGIN), title, INK, font)
    height = large.shape[0] / len(names)
    for row, name in enumerate(names):
        draw.text((left - MARGIN, top + (row + 0.5) * height), name, INK, font, anchor="rm")
    content = io.BytesIO()
    picture.save(content, form)
    replace_file(path, content.getvalue())
