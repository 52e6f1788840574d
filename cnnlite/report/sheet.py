"""Sheets of pictures: the first images of each class of a data set, or pictures with captions."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnlite.data.embedded import contact_sheet
from cnnlite.files import replace_file

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["CELL", "check_ending", "save", "save_captioned"]

SIDE = 96  # pixels at least, of an image in a data set's sheet
TEXT = 22  # pixels, the height of a class's name
INK = "#333333"
FAINT = "#777777"
MARGIN = 12
CELL = 168
"""Pixels of the longer side of a picture above a caption."""
CAPTION = 17  # pixels, the height of a caption's line
LINES = 3  # that a line of a caption may take


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

    check_ending(path)
    labels = data["y_train"]
    if labels.ndim == 2:  # probabilities
        labels = labels.argmax(axis=1)
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
    _write(picture, path)


def save_captioned(
    images: Sequence[np.ndarray],
    captions: Sequence[Sequence[str]],
    path: Path,
    title: str = "",
    columns: int = 6,
) -> None:
    """Draw pictures in rows, each with a caption of some lines under it; it needs Pillow.

    Args:
        images: uint8 (C, H, W), of one or three channels (of others the first is drawn); those
            that are smaller than CELL are enlarged.
        captions: the lines under each; one that is wider than the picture goes on below, and is
            cut after LINES of them.
        path, title: as for `save`.
        columns: pictures in a row, at most.

    Raises:
        ImportError, ValueError, OSError: as for `save`.
    """
    from PIL import Image, ImageDraw, ImageFont

    check_ending(path)
    columns = min(columns, len(images))
    font, large = ImageFont.load_default(CAPTION), ImageFont.load_default(TEXT)
    texts = [
        [(part, FAINT if number else INK) for number, line in enumerate(caption)
         for part in _wrapped(line, font)]
        for caption in captions
    ]  # fmt: skip
    lines = max(map(len, texts), default=0)
    width, height = CELL + MARGIN, CELL + round(1.4 * CAPTION * lines) + 2 * MARGIN
    top = 2 * MARGIN + TEXT if title else MARGIN
    rows = -(-len(images) // columns)
    total = max(MARGIN + columns * width, 2 * MARGIN + round(large.getlength(title)))
    sheet = Image.new("RGB", (total, top + rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, INK, large)
    for i, (image, text) in enumerate(zip(images, texts, strict=True)):
        x, y = MARGIN + i % columns * width, top + i // columns * height
        picture = _cell(image)
        sheet.paste(picture, (x + (CELL - picture.width) // 2, y + CELL - picture.height))
        for number, (line, ink) in enumerate(text):
            draw.text((x, y + CELL + 6 + round(1.4 * CAPTION * number)), line, ink, font)
    _write(sheet, path)


def check_ending(path: Path) -> None:
    """Raise ValueError unless a path ends as a picture's name does that Pillow can write."""
    from PIL import Image

    if Image.registered_extensions().get(path.suffix.lower()) not in Image.SAVE:
        raise ValueError(f"{path}: the ending {path.suffix!r} is no picture's, expected .png")


def _cell(image: np.ndarray) -> Image.Image:
    """Return an image as large as there is room for it."""
    from PIL import Image

    pixels = image.transpose(1, 2, 0)
    if pixels.shape[2] != 3:
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
    height, width = pixels.shape[:2]
    scale = CELL / max(height, width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    way = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX
    return Image.fromarray(np.ascontiguousarray(pixels)).resize(size, way)


def _wrapped(text: str, font: Any) -> list[str]:
    """Return a text in lines as wide as a picture, broken between words where it can be."""
    lines: list[str] = []
    while font.getlength(text) > CELL:
        fits = next(n for n in range(len(text) - 1, -1, -1) if font.getlength(text[:n]) <= CELL)
        fits = max(fits, 1)
        if len(lines) == LINES - 1:
            return [*lines, f"{text[: fits - 1]}\N{HORIZONTAL ELLIPSIS}"]
        words = text[: fits + 1].rpartition(" ")[0].rstrip()
        lines.append(words or text[:fits])
        text = text[len(lines[-1]) :].lstrip()
    return [*lines, text]


def _write(picture: Image.Image, path: Path) -> None:
    from PIL import Image

    content = io.BytesIO()
    picture.save(content, Image.registered_extensions()[path.suffix.lower()])
    replace_file(path, content.getvalue())
