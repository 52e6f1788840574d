"""CIFAR-100: 60,000 colour images of 32x32 pixels in a hundred classes.

Both published versions are read: the python one (pickles, through `unpickle`) and the binary one
(records of a byte for the superclass, one for the class, and 3,072 of pixels).

Source:
    Krizhevsky, "Learning multiple layers of features from tiny images", 2009;
    the formats are described at https://www.cs.toronto.edu/~kriz/cifar.html
"""

import tempfile
from pathlib import Path

import numpy as np

from cnnlite.data.archive import unpack
from cnnlite.data.cifar10 import PIXELS
from cnnlite.data.dataset import Dataset
from cnnlite.data.errors import DataError
from cnnlite.data.official import Images, official_dataset
from cnnlite.data.places import Layout, PathLike, Source, find_source
from cnnlite.data.splits import check_division
from cnnlite.data.unpickle import MAX_BYTES, read_pickle, read_regular_file

__all__ = ["LAYOUT", "cifar100", "read_part"]

CLASSES = 100
PYTHON, BINARY = "cifar-100-python", "cifar-100-binary"
BATCHES = 6  # its training file is as large as so many of CIFAR-10's

LAYOUT = Layout(
    name="cifar100",
    title="CIFAR-100",
    versions={
        PYTHON: ("train", "test", "meta"),
        BINARY: ("train.bin", "test.bin", "fine_label_names.txt", "coarse_label_names.txt"),
    },
    texts=("meta", "fine_label_names.txt", "coarse_label_names.txt"),
    optional=("coarse_label_names.txt",),
    archives=tuple(
        f"cifar-100-{version}{ending}"
        for version in ("python", "binary")
        for ending in (".tar.gz", ".tgz", ".tar")
    ),
    ignored=("file.txt~",),
    max_file=BATCHES * MAX_BYTES,
)


def cifar100(
    root: PathLike | None = None, val: float = 0.1, seed: int = 0, cache: bool = True
) -> Dataset:
    """Load CIFAR-100 with its hundred classes (not the twenty superclasses).

    Args:
        root: the folder that holds `cifar-100-python` or `cifar-100-binary`, that folder itself, or
            the published archive; None for CNNLITE_DATA or the place that `cnnlite data fetch
            cifar100` fills.
        val: the share of each class's 500 training images that validates.
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
    val, seed = check_division("cifar100", val, seed)
    source = find_source(LAYOUT, root)
    if source.archive is None:
        names = _class_names(source)
        return official_dataset(source, names, val, seed, cache, lambda: _read(source))
    with tempfile.TemporaryDirectory(prefix="cnnlite-") as workspace:
        folder = unpack(source.archive, Path(workspace), LAYOUT)
        inner = Source(LAYOUT, folder, folder.name)
        names = _class_names(inner)
        return official_dataset(source, names, val, seed, cache, lambda: _read(inner))


def _class_names(source: Source) -> tuple[str, ...]:
    path = source.path(source.names[2])
    source.present()
    found: object
    if source.version == BINARY:
        found = read_regular_file(path, 10_000).decode("ascii", "replace").split()
    else:
        found = read_pickle(path).get("fine_label_names")
    if isinstance(found, list):
        found = [name.decode("ascii", "replace") if type(name) is bytes else name for name in found]
    # Types first: a damaged file may hold arrays, whose == is no truth.
    if not isinstance(found, list) or not all(type(n) is str and n.isprintable() for n in found):
        raise DataError(f"{path} does not name the classes of CIFAR-100")
    if len(found) != CLASSES or len(set(found)) != CLASSES:
        raise DataError(f"{path} names {len(set(found))} classes, expected {CLASSES}")
    return tuple(found)


def _read(source: Source) -> tuple[Images, Images]:
    train, test = source.names[:2]
    return read_part(source.path(train)), read_part(source.path(test))


def read_part(path: Path) -> Images:
    """Read one file of either version.

    Raises:
        DataError: it is damaged or holds anything else; the message names it.
        OSError: it is missing or cannot be read.
    """
    return (_read_binary if path.suffix == ".bin" else _read_python)(path)


def _read_python(path: Path) -> Images:
    content = read_pickle(path, BATCHES)
    data, labels = content.get("data"), content.get("fine_labels")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != PIXELS:
        shape = data.shape if isinstance(data, np.ndarray) else type(data).__name__
        raise DataError(f"{path}: 'data' is {shape}, expected an array of uint8 (N, {PIXELS})")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise DataError(f"{path}: 'fine_labels' is no list of integers")
    return _checked(path, data, np.array(labels, dtype=np.int64))


def _read_binary(path: Path) -> Images:
    content = read_regular_file(path, BATCHES * MAX_BYTES)
    if len(content) % (2 + PIXELS):
        raise DataError(
            f"{path} has {len(content)} bytes, which is not a whole number of records of "
            f"{2 + PIXELS} bytes: it is cut off or no CIFAR-100 file. Fetch the data again"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, 2 + PIXELS)
    return _checked(path, records[:, 2:], records[:, 1].astype(np.int64))


def _checked(path: Path, data: np.ndarray, labels: np.ndarray) -> Images:
    if not len(data) or len(labels) != len(data):
        raise DataError(f"{path} has {len(data)} images and {len(labels)} labels")
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise DataError(f"{path} has labels {labels.min()} to {labels.max()}, expected 0 to 99")
    return data.reshape(-1, 3, 32, 32), labels
