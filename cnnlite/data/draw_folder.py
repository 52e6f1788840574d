"""Writes drawn pictures as PNG files in folders: a folder of pictures to try things with."""

import os
from pathlib import Path

import numpy as np

from cnnlite.checks.numbers import count, integer
from cnnlite.data._draw import FIGURES, draw
from cnnlite.data._hash import hash64
from cnnlite.data.cache import expanded
from cnnlite.data.places import PathLike

__all__ = ["draw_folder"]

# Those come first that a small network tells apart after a hundred pictures of each.
ORDER = (
    "horizontal stripes", "vertical stripes", "checkerboard", "disc", "ring", "square", "triangle",
    "cross", "star", "diagonal stripes",
)  # fmt: skip


def draw_folder(
    path: PathLike, classes: int = 2, per_class: int = 100, size: int = 64, seed: int = 0
) -> Path:
    """Draw pictures of the embedded data set's kind into a folder, with a folder for each class.

    Args:
        path: the folder, which is made; it may be there, but must be empty.
        classes: how many of the ten shapes and textures.
        per_class: pictures of each.
        size: their side in pixels; they are drawn with 32 and scaled.
        seed: any integer; each seed gives other pictures.

    Returns:
        The folder.

    Raises:
        ImportError: Pillow is not installed.
        FileExistsError: there is something in the folder.
        ValueError, TypeError: a wrong number.
        OSError: a file cannot be written.
    """
    try:
        from PIL import Image
    except ImportError:
        hint = 'writing pictures needs Pillow: pip install "cnnlite[viz]"'
        raise ImportError(hint) from None
    name = "draw_folder"
    classes, per_class = count(name, "classes", classes), count(name, "per_class", per_class)
    size, seed = count(name, "size", size), integer(name, "seed", seed)
    if not 2 <= classes <= len(ORDER):
        raise ValueError(f"{name}: classes is {classes}, expected 2 to {len(ORDER)}")
    root = expanded(path)
    if os.path.lexists(root) and not (root.is_dir() and not any(root.iterdir())):
        raise FileExistsError(f"{root} is there already, and is not written over")
    for figure in ORDER[:classes]:
        label = list(FIGURES).index(figure)
        folder = root / figure
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            keys = hash64(seed, len(FIGURES) + label, number)
            pixels = draw(np.array([label]), keys)[0].transpose(1, 2, 0)
            picture = Image.fromarray(np.ascontiguousarray(pixels))
            picture = picture.resize((size, size), Image.Resampling.BICUBIC)
            picture.save(folder / f"{number:04d}.png")
    return root
