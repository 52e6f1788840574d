"""SVHN: 99,289 colour images of 32x32 pixels, of digits in house numbers ("cropped digits").

Source:
    Netzer, Wang, Coates, Bissacco, Wu and Ng, "Reading digits in natural images with unsupervised
    feature learning", 2011; http://ufldl.stanford.edu/housenumbers/
"""

from pathlib import Path

import numpy as np

from cnnlite.data.dataset import Dataset
from cnnlite.data.errors import DataError
from cnnlite.data.mat import read_mat
from cnnlite.data.official import Images, official_dataset
from cnnlite.data.places import Layout, PathLike, find_source
from cnnlite.data.splits import check_division

__all__ = ["LAYOUT", "read_images", "svhn"]

DIGITS = tuple("0123456789")
MAX_BYTES = 2**29
LAYOUT = Layout(
    name="svhn",
    title="SVHN",
    versions={"svhn": ("train_32x32.mat", "test_32x32.mat")},
    deeper=True,
)


def svhn(
    root: PathLike | None = None, val: float = 0.1, seed: int = 0, cache: bool = True
) -> Dataset:
    """Load SVHN, whose label 10 stands for the digit 0, and is 0 here.

    Args:
        root: the folder that holds train_32x32.mat and test_32x32.mat, or `svhn` with them; None
            for CNNLITE_DATA or the place that `cnnlite data fetch svhn` fills.
        val: the share of each class's 73,257 training images that validates.
        seed: which of them do.
        cache: keep the images as mapped files in the cache folder; False holds them in memory.

    Returns:
        A mapping with X_train, y_train, X_val, y_val, X_test, y_test: X uint8 (N, 3, 32, 32), y
        int64 (N,), normalised by channel.

    Raises:
        FileNotFoundError: the files, or one of them, are not there.
        DataError: a file is damaged; the message names it.
        OSError: the folder cannot be read, or the disk is too full for the cache.
        ValueError, TypeError: val is not between 0 and 1, or seed no integer.
    """
    val, seed = check_division("svhn", val, seed)
    source = find_source(LAYOUT, root)

    def read() -> tuple[Images, Images]:
        train, test = source.present()
        return read_images(train), read_images(test)

    return official_dataset(source, DIGITS, val, seed, cache, read)


def read_images(path: Path) -> Images:
    """Read one of the two files.

    Raises:
        DataError: it is damaged or holds anything else; the message names it.
        OSError: it is missing or cannot be read.
    """
    arrays = read_mat(path, MAX_BYTES)
    images, labels = arrays.get("X"), arrays.get("y")
    if images is None or labels is None:
        raise DataError(f"{path} holds {sorted(arrays)}, expected 'X' and 'y'")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != (32, 32, 3):
        raise DataError(
            f"{path}: X is {images.dtype} {images.shape}, expected uint8 (32, 32, 3, N)"
        )
    number = images.shape[3]
    if labels.size != number or not number or not np.isin(labels, np.arange(1, 11)).all():
        raise DataError(f"{path}: y is no label from 1 to 10 for each of the {number} images")
    images = np.ascontiguousarray(images.transpose(3, 2, 0, 1))
    return images, labels.reshape(-1).astype(np.int64) % 10
