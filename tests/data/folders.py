"""Small folders of pictures to load."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Image: Any = pytest.importorskip("PIL.Image")


def picture(path: Path, value: int = 0, size: tuple[int, int] = (40, 40)) -> Path:
    """Write a picture of one colour, which tells which picture it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 255 - value, value // 2)).save(path)
    return path


def class_folders(root: Path, counts: Mapping[str, int]) -> Path:
    """Write so many pictures into the folder of each class."""
    value = 0
    for name, number in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(number):
            picture(root / name / f"{i:03d}.png", value % 256)
            value += 5
    return root


def first_values(X: np.ndarray) -> list[int]:
    """Return the values that the pictures were written with."""
    return X[:, 0, 0, 0].tolist()
