"""MNIST and Fashion-MNIST: 70,000 grey images of 28x28 pixels in ten classes.

Sources:
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
    1998; Xiao, Rasul and Vollgraf, "Fashion-MNIST", 2017. The IDX format is described at
    http://yann.lecun.com/exdb/mnist/
"""

import gzip
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from cnnlite.data.dataset import Dataset
from cnnlite.data.errors import DataError
from cnnlite.data.official import Images, official_dataset
from cnnlite.data.places import Layout, PathLike, Source, find_source
from cnnlite.data.splits import check_division

__all__ = ["FASHION_LAYOUT", "FASHION_NAMES", "MNIST_LAYOUT", "fashion_mnist", "mnist", "read_idx"]

FASHION_NAMES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
    "ankle boot",
)  # fmt: skip
DIGITS = tuple("0123456789")
SIDE = 28
MAX_BYTES = 2**28
FILES = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)


def _layout(name: str, title: str, torch_folder: str) -> Layout:
    versions = {name: FILES, f"{torch_folder}/raw": FILES}
    return Layout(name, title, versions, endings=("", ".gz"))


MNIST_LAYOUT = _layout("mnist", "MNIST", "MNIST")
FASHION_LAYOUT = _layout("fashion-mnist", "Fashion-MNIST", "FashionMNIST")


def mnist(
    root: PathLike | None = None, val: float = 0.1, seed: int = 0, cache: bool = True
) -> Dataset:
    """Load MNIST, the handwritten digits.

    Args:
        root: the folder that holds the four files, compressed or not, or `mnist` or `MNIST/raw`
            with them; None for CNNLITE_DATA or the place that `cnnlite data fetch mnist` fills.
        val: the share of each class's 60,000 training images that validates.
        seed: which of them do.
        cache: keep the images as mapped files in the cache folder; False holds them in memory.

    Returns:
        A mapping with X_train, y_train, X_val, y_val, X_test, y_test: X uint8 (N, 1, 28, 28), y
        int64 (N,), normalised.

    Raises:
        FileNotFoundError: the files, or one of them, are not there.
        DataError: a file is damaged; the message names it.
        OSError: the folder cannot be read, or the disk is too full for the cache.
        ValueError, TypeError: val is not between 0 and 1, or seed no integer.
    """
    return _load("mnist", MNIST_LAYOUT, DIGITS, root, val, seed, cache)


def fashion_mnist(
    root: PathLike | None = None, val: float = 0.1, seed: int = 0, cache: bool = True
) -> Dataset:
    """Load Fashion-MNIST, pieces of clothing; the folders are `fashion-mnist`, `FashionMNIST/raw`.

    Arguments, results and errors are those of `mnist`.
    """
    return _load("fashion_mnist", FASHION_LAYOUT, FASHION_NAMES, root, val, seed, cache)


def _load(
    function: str,
    layout: Layout,
    class_names: tuple[str, ...],
    root: PathLike | None,
    val: float,
    seed: int,
    cache: bool,
) -> Dataset:
    val, seed = check_division(function, val, seed)
    source = find_source(layout, root)
    return official_dataset(source, class_names, val, seed, cache, lambda: _read(source))


def _read(source: Source) -> tuple[Images, Images]:
    train_images, train_labels, test_images, test_labels = source.present()
    return _read_part(train_images, train_labels), _read_part(test_images, test_labels)


def _read_part(images_path: Path, labels_path: Path) -> Images:
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise DataError(f"{images_path} holds {images.shape}, expected (N, {SIDE}, {SIDE})")
    if labels.shape != images.shape[:1]:
        raise DataError(
            f"{labels_path} holds {labels.shape}, expected a label for each of the {len(images)} "
            f"images of {images_path.name}"
        )
    if labels.max() >= len(DIGITS):
        raise DataError(f"{labels_path} holds the label {labels.max()}, expected 0 to 9")
    return images[:, None], labels.astype(np.int64)


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of bytes, compressed by gzip or not.

    Returns:
        uint8, of the shape that the file says, read-only.

    Raises:
        DataError: it is damaged, or of another kind; the message names it.
        OSError: it is missing or cannot be read.
    """
    with open(path, "rb") as plain:
        compressed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        file = cast(IO[bytes], gzip.GzipFile(fileobj=plain) if compressed else plain)
        try:
            return _parse(file)
        except (DataError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path} is damaged, or no IDX file: {error}") from None


def _parse(file: IO[bytes]) -> np.ndarray:
    magic = file.read(4)
    if len(magic) != 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 3:
        raise DataError(f"it begins with {magic!r}, which is not that of an array of bytes")
    lengths = file.read(4 * magic[3])
    if len(lengths) != 4 * magic[3]:
        raise DataError("it ends in its shape")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    size = int(np.prod(shape, dtype=object))
    if size > MAX_BYTES:
        raise DataError(f"it claims {size} bytes")
    content = file.read(size + 1)
    if len(content) != size:
        more = "more" if len(content) > size else f"{len(content)}"
        raise DataError(f"it has {more} bytes, expected {size} for {shape}")
    return np.frombuffer(content, np.uint8).reshape(shape)
