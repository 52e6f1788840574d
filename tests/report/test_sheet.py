"""Sheets of pictures with captions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.report import sheet

Image: Any = pytest.importorskip("PIL.Image")


def box(path: Path, color: tuple[int, int, int]) -> tuple[int, int]:
    """Rows and columns between the outermost pixels of a colour."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    rows, columns = np.nonzero(np.abs(pixels - color).max(axis=2) <= 1)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def test_every_picture_stands_in_its_cell(tmp_path: Path) -> None:
    colors = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (0, 99, 99)]
    images = [np.full((3, 32, 32), np.array(color)[:, None, None], np.uint8) for color in colors]
    captions = [("99% a name of a class that takes more lines than there are " * 3, "f.png")] * 4
    path = tmp_path / "s.png"
    sheet.save_captioned(images, captions, path, "title", columns=3)
    for color in colors:
        assert box(path, color) == (sheet.CELL, sheet.CELL)
    with Image.open(path) as picture:
        assert picture.width == 12 + 3 * (sheet.CELL + 12)


def test_a_large_grey_picture_keeps_its_proportions(tmp_path: Path) -> None:
    sheet.save_captioned([np.full((1, 400, 100), 77, np.uint8)], [()], tmp_path / "s.png")
    assert box(tmp_path / "s.png", (77, 77, 77)) == (sheet.CELL, sheet.CELL // 4)


def test_another_ending_is_another_format_or_an_error(tmp_path: Path) -> None:
    image = np.zeros((3, 8, 8), np.uint8)
    sheet.save_captioned([image], [("a",)], tmp_path / "s.jpg")
    with Image.open(tmp_path / "s.jpg") as picture:
        assert picture.format == "JPEG"
    with pytest.raises(ValueError, match=r"the ending '\.txt' is no picture's"):
        sheet.save_captioned([image], [("a",)], tmp_path / "s.txt")


def test_a_class_name_that_is_wider_than_the_picture_goes_on_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import ImageDraw

    written: list[str] = []
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "text", lambda self, place, text, *rest: written.append(text)
    )
    image = np.zeros((3, 8, 8), np.uint8)
    names = ("100% horizontal stripes", "x" * 300)
    sheet.save_captioned([image], [names], tmp_path / "s.png")
    assert written[1:3] == ["100% horizontal", "stripes"]  # behind the title
    assert written[-1].endswith("x\N{HORIZONTAL ELLIPSIS}")
    assert len(written) == 3 + sheet.LINES
