"""Sprite sheets: each picture in its place, whatever its channels and its size."""

import base64
import io

import numpy as np
import pytest

from cnnlite.report.pictures import sprites

Image = pytest.importorskip("PIL.Image")


def opened(sheet: dict[str, object]) -> np.ndarray:
    content = base64.b64decode(str(sheet["address"]).partition(",")[2])
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_each_picture_is_in_its_place(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, channels, 6, 5), np.uint8)
    sheet = sprites(images)
    row, column = divmod(35, sheet["columns"])
    found = opened(sheet)[row * 6 : row * 6 + 6, column * 5 : column * 5 + 5]
    expected = images[35].transpose(1, 2, 0) if channels == 3 else images[35, 0]
    np.testing.assert_array_equal(found, expected)


def test_large_pictures_are_shrunk_to_jpeg() -> None:
    sheet = sprites(np.full((2, 3, 224, 112), 100, np.uint8))
    assert (sheet["width"], sheet["height"]) == (48, 96)
    assert str(sheet["address"]).startswith("data:image/jpeg;")
    assert abs(opened(sheet).astype(int) - 100).max() <= 3


def test_no_pictures_are_an_empty_sheet() -> None:
    assert sprites(np.zeros((0, 3, 8, 8), np.uint8))["columns"] == 1
