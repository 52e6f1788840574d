"""The confusion matrix: its numbers, its CSV, its picture."""

from pathlib import Path

import numpy as np
import pytest

from cnnlite.report.confusion import Confusion, Pair

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 2])
SAID = np.array([0, 0, 1, -1, 1, 0, 0, 1])
CONFUSION = Confusion(LABELS, SAID, ("cat", "dog", "a, bird", "none"))


def test_the_numbers() -> None:
    expected = [[2, 1, 0, 0], [2, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert CONFUSION.matrix.tolist() == expected
    assert CONFUSION.unanswered.tolist() == [1, 0, 0, 0]
    assert CONFUSION.images.tolist() == [4, 3, 1, 0]
    assert CONFUSION.accuracy == 3 / 8
    np.testing.assert_array_equal(CONFUSION.recall, [2 / 4, 1 / 3, 0, np.nan])
    np.testing.assert_array_equal(CONFUSION.precision, [2 / 4, 1 / 3, np.nan, np.nan])


def test_the_worst_pairs_come_first() -> None:
    assert CONFUSION.worst_pairs(9) == [Pair(1, 0, 2), Pair(0, 1, 1), Pair(2, 1, 1)]
    assert CONFUSION.worst_pairs(1) == [Pair(1, 0, 2)]
    perfect = Confusion(LABELS, LABELS, CONFUSION.class_names)
    assert perfect.worst_pairs(5) == []


def test_the_csv(tmp_path: Path) -> None:
    CONFUSION.save_csv(tmp_path / "c.csv")
    assert (tmp_path / "c.csv").read_text().splitlines() == [
        'true class,cat,dog,"a, bird",none,no answer,recall',
        "cat,2,1,0,0,1,0.500000",
        "dog,2,1,0,0,0,0.333333",
        '"a, bird",0,1,0,0,0,0.000000',
        "none,0,0,0,0,0,",
        "precision,0.500000,0.333333,,",
    ]


@pytest.mark.parametrize("classes", [1, 2, 10, 35, 200])
def test_the_picture_fits_any_number_of_classes(tmp_path: Path, classes: int) -> None:
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    labels = np.arange(4 * classes) % classes
    said = np.where(labels % 3, labels, (labels + 1) % classes)
    confusion = Confusion(labels, said, [f"a class with the number {i}" for i in range(classes)])
    confusion.save_picture(tmp_path / "c.png", "a title")
    with image.open(tmp_path / "c.png") as picture:
        assert max(picture.size) <= 2200
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 22)}
    assert classes == 1 or {(0x00, 0x72, 0xB2)} <= colors  # a class that is always right
    assert [path.name for path in tmp_path.iterdir()] == ["c.png"]
