"""A folder of drawn pictures is a data set that a small network learns."""

from pathlib import Path

import numpy as np
import pytest

from cnnlite.data import draw_folder, folder, load
from tests.data.folders import Image


def test_pictures_in_folders(tmp_path: Path) -> None:
    root = draw_folder(tmp_path / "shapes", classes=3, per_class=4, size=48)
    assert sorted(path.name for path in root.iterdir()) == [
        "checkerboard", "horizontal stripes", "vertical stripes",
    ]  # fmt: skip
    for path in root.rglob("*.png"):
        with Image.open(path) as picture:
            assert (picture.size, picture.mode) == ((48, 48), "RGB")
    images = folder(root, size=32)
    assert np.bincount(images["y_train"]).tolist() == [3, 3, 3]


def test_the_seed_decides(tmp_path: Path) -> None:
    pictures = [
        (draw_folder(tmp_path / name, per_class=1, seed=seed) / "vertical stripes" / "0000.png")
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    first, same, other = (path.read_bytes() for path in pictures)
    assert first == same != other


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    for place in (tmp_path, tmp_path / "there"):
        with pytest.raises(FileExistsError, match="is there already, and is not written over"):
            draw_folder(place)
    (tmp_path / "empty").mkdir()
    draw_folder(tmp_path / "empty", per_class=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 1}, "2 to 10"),
        ({"classes": 11}, "2 to 10"),
        ({"per_class": 0}, "per_class is 0"),
    ],
)
def test_wrong_numbers(tmp_path: Path, arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_folder(tmp_path / "x", **arguments)
    assert not (tmp_path / "x").exists()


class TestLoad:
    def test_a_path(self, tmp_path: Path) -> None:
        root = draw_folder(tmp_path / "shapes", per_class=4)
        for path in (root, str(root)):
            images = load(path, size=16, grey=True)
            assert images.settings["kind"] == "folder"
            assert images.image_shape == (1, 16, 16)

    def test_what_does_not_apply(self, tmp_path: Path) -> None:
        root = draw_folder(tmp_path / "shapes", per_class=4)
        with pytest.raises(ValueError, match="size is for a folder of pictures, and 'embedded'"):
            load("embedded", size=16)
        for name in (root, "embedded"):
            with pytest.raises(ValueError, match=r"root is .*, but .* needs no other folder"):
                load(name, tmp_path)

    def test_a_file_that_is_no_npz(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("1,2")
        with pytest.raises(ValueError, match=r"x\.csv is no \.npz file"):
            load(tmp_path / "x.csv")
