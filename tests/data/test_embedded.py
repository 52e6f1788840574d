"""The embedded data set: the same everywhere, balanced, and no cue for a linear classifier."""

import hashlib

import numpy as np
import pytest

from cnnlite.data import contact_sheet, embedded
from cnnlite.data._draw import _SINE, FIGURES


def test_the_images_are_these() -> None:
    """On any machine and with any NumPy: the drawing is integer arithmetic."""
    data = embedded(num_train=500, num_validation=100, num_test=100)
    digest = hashlib.sha256()
    for key in sorted(data):
        digest.update(data[key].astype("<i8" if key[0] == "y" else np.uint8).tobytes())
    assert digest.hexdigest() == "3bc9d17b35c82f77c5dbfe7beeee68a790e7d34b17f9b5928ceb017d31d94146"


def test_shapes_and_names() -> None:
    data = embedded(70, 30, 20)
    assert data["X_train"].shape == (70, 3, 32, 32)
    assert data["X_train"].dtype == np.uint8
    assert data["y_test"].dtype == np.int64
    assert len(data.class_names) == 10
    assert data.name == "embedded"
    assert np.bincount(data["y_train"]).tolist() == [7] * 10


def test_a_larger_set_begins_with_the_smaller_one() -> None:
    small, large = embedded(300, 10, 10), embedded(700, 20, 30)
    for key in small:
        np.testing.assert_array_equal(small[key], large[key][: len(small[key])])


def test_seeds_and_splits_give_other_images() -> None:
    first, second = embedded(10, 10, 10, seed=0), embedded(10, 10, 10, seed=-1)
    images = [data[key] for data in (first, second) for key in ("X_train", "X_val", "X_test")]
    for i, one in enumerate(images):
        for other in images[:i]:
            assert (one != other).mean() > 0.9


def test_no_pixel_tells_the_class() -> None:
    """Class means differ by what chance allows, so a linear classifier has nothing to go by."""
    data = embedded(10_000, 0, 0)
    X, y = data["X_train"].astype(np.float64), data["y_train"]
    X -= X.mean(axis=0)
    by_chance = X.std(axis=0) / np.sqrt(1000)
    score = np.stack([X[y == c].mean(axis=0) / by_chance for c in range(10)])
    assert np.abs(score).max() < 6
    assert (score**2).mean() < 1.1


@pytest.mark.parametrize("counts", [(0, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)])
def test_wrong_counts(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"embedded: num_.* is .*, expected an integer from"):
        embedded(*counts)


@pytest.mark.parametrize("name", ["num_train", "num_validation", "num_test", "seed"])
def test_no_half_images(name: str) -> None:
    with pytest.raises(TypeError, match=f"embedded: {name} is 1.5, expected an integer"):
        embedded(**{"num_train": 10, name: 1.5})


def test_the_table_of_sines() -> None:
    angles = np.arange(64) * (2 * np.pi / 64)
    np.testing.assert_array_equal(_SINE, np.rint(1024 * np.sin(angles)))


def test_contact_sheet_has_a_row_for_each_class() -> None:
    data = embedded(60, 0, 0)
    sheet = contact_sheet(data["X_train"], data["y_train"], columns=7)
    assert sheet.shape == (10 * 34 + 2, 7 * 34 + 2, 3)
    assert sheet.dtype == np.uint8
    third_of_class_4 = data["X_train"][24].transpose(1, 2, 0)
    np.testing.assert_array_equal(sheet[4 * 34 + 2 : 5 * 34, 2 * 34 + 2 : 3 * 34], third_of_class_4)
    assert (sheet[2:34, 6 * 34 + 2 :] == 255).all(), "a class has six images"
    assert list(FIGURES) == list(data.class_names)


def test_contact_sheet_refuses_what_does_not_belong_together() -> None:
    images, labels = np.zeros((4, 3, 8, 8), np.uint8), np.zeros(4, np.int64)
    for wrong in (
        (images[:3], labels),
        (images.astype(np.float32), labels),
        (images[0], labels),
        (images[:0], labels[:0]),
        (images, labels, 0),
    ):
        with pytest.raises(ValueError, match="contact_sheet"):
            contact_sheet(*wrong)
