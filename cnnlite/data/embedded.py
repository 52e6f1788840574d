"""A data set that needs no download: ten shapes and textures, drawn by cnnlite itself.

Position, size, tilt, colours, shading, noise and specks of dirt are random, and so is which of the
two colours is the figure's; so no pixel by itself tells anything of the class, and a linear
classifier is left near chance.  Edges do tell, at any place: what convolutions are made for.

The drawing uses integers only, so the images rest on nothing but NumPy's integer arithmetic and are
the same for the same seed on every machine.  An image depends on the seed, its split and its
position in it: a larger data set begins with the smaller one.
"""

import numpy as np

from cnnlite.checks.arrays import allocate, check_array
from cnnlite.checks.numbers import count, integer
from cnnlite.data._draw import FIGURES, draw
from cnnlite.data._hash import hash64
from cnnlite.data.dataset import SPLITS, Dataset, Normalization

__all__ = ["contact_sheet", "embedded"]

_CHUNK = 256  # images drawn at once: their planes stay in the processor's cache


def embedded(
    num_train: int = 12_000, num_validation: int = 1_000, num_test: int = 2_000, seed: int = 0
) -> Dataset:
    """Draw the embedded data set: about half a second for the default sizes.

    Args:
        num_train: number of training images; classes take turns, so all are equally frequent.
        num_validation: number of validation images; may be 0.
        num_test: number of test images; may be 0.
        seed: any integer; each seed gives other images.

    Returns:
        A mapping with X_train, y_train, X_val, y_val, X_test, y_test: X uint8 (N, 3, 32, 32), y
        int64 (N,), normalised by channel.

    Raises:
        TypeError: an argument is not an integer.
        ValueError: a number of images is negative, or there is nothing to train on.
        MemoryError: there is not enough memory for so many images.
    """
    numbers = {
        "num_train": count("embedded", "num_train", num_train),
        "num_validation": integer("embedded", "num_validation", num_validation, 0),
        "num_test": integer("embedded", "num_test", num_test, 0),
    }
    seed = integer("embedded", "seed", seed)
    arrays: dict[str, np.ndarray] = {}
    for number, (split, argument) in enumerate(zip(SPLITS, numbers, strict=True)):
        size, axes = numbers[argument], f"{argument}, 3, 32, 32"
        images = allocate("embedded", f"X_{split}", (size, 3, 32, 32), np.uint8, axes=axes)
        labels = np.arange(size, dtype=np.int64) % len(FIGURES)
        for start in range(0, size, _CHUNK):
            rows = slice(start, min(start + _CHUNK, size))
            keys = hash64(seed, number, np.arange(rows.start, rows.stop))
            images[rows] = draw(labels[rows], keys)
        arrays[f"X_{split}"], arrays[f"y_{split}"] = images, labels
    normalization = Normalization.from_images(arrays["X_train"])
    return Dataset(arrays, tuple(FIGURES), normalization, "embedded", {"kind": "embedded"})


def contact_sheet(images: np.ndarray, labels: np.ndarray, columns: int = 10) -> np.ndarray:
    """Lay out the first images of each class in rows, one row a class.

    Args:
        images: uint8 (N, C, H, W) with one or three channels.
        labels: integers (N,).
        columns: images in a row.

    Returns:
        uint8 (rows * (H + 2) + 2, columns * (W + 2) + 2, C): a picture on a white ground.

    Raises:
        ValueError: images and labels do not belong together, or there are none.
    """
    check_array("contact_sheet", "images", images)
    check_array("contact_sheet", "labels", labels)
    columns = count("contact_sheet", "columns", columns)
    if images.ndim != 4 or images.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"contact_sheet: images {images.dtype} {images.shape} and labels {labels.shape}, "
            "expected uint8 (N, C, H, W) and (N,)"
        )
    if not len(labels):
        raise ValueError("contact_sheet: there are no images")
    classes = np.unique(labels)
    _, channels, height, width = images.shape
    sheet = np.full(
        (len(classes) * (height + 2) + 2, columns * (width + 2) + 2, channels), 255, np.uint8
    )
    for row, label in enumerate(classes):
        for column, i in enumerate(np.flatnonzero(labels == label)[:columns]):
            top, left = row * (height + 2) + 2, column * (width + 2) + 2
            sheet[top : top + height, left : left + width] = images[i].transpose(1, 2, 0)
    return sheet
