"""CIFAR-10: 60,000 colour images of 32x32 pixels in ten classes.

Both published versions are read: the python one (pickles, through `unpickle`) and the binary one
(records of one label byte and 3,072 pixel bytes).

Source:
    Krizhevsky, "Learning multiple layers of features from tiny images", 2009;
    the formats are described at https://www.cs.toronto.edu/~kriz/cifar.html
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cnnlite.checks.numbers import choice, integer
from cnnlite.data.archive import unpack
from cnnlite.data.cache import cached_arrays
from cnnlite.data.dataset import Dataset, Normalization
from cnnlite.data.errors import DataError
from cnnlite.data.places import Layout, PathLike, Source, find_source
from cnnlite.data.unpickle import MAX_BYTES, read_pickle, read_regular_file

__all__ = [
    "CLASS_NAMES",
    "LAYOUT",
    "cifar10",
    "convert",
    "find",
    "read_batch",
    "read_binary_batch",
    "read_python_batch",
]

CLASS_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
PIXELS = 3 * 32 * 32
BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
PYTHON, BINARY = "cifar-10-batches-py", "cifar-10-batches-bin"

LAYOUT = Layout(
    name="cifar10",
    title="CIFAR-10",
    versions={
        PYTHON: (*BATCHES, "batches.meta"),
        BINARY: (*(f"{name}.bin" for name in BATCHES), "batches.meta.txt"),
    },
    texts=("batches.meta", "batches.meta.txt"),
    optional=("batches.meta", "batches.meta.txt"),
    archives=tuple(
        f"cifar-10-{version}{ending}"
        for version in ("python", "binary")
        for ending in (".tar.gz", ".tgz", ".tar")
    ),
    ignored=("readme.html",),
    deeper=True,
)


def cifar10(
    root: PathLike | None = None,
    num_validation: int = 1000,
    normalize: str | None = "channel",
    cache: bool = True,
) -> Dataset:
    """Load CIFAR-10.

    The last `num_validation` of the 50,000 training images validate; the course takes 1,000.  The
    images stay uint8, in files that are mapped into memory.

    Args:
        root: the folder that holds `cifar-10-batches-py` or `cifar-10-batches-bin`, or that folder
            itself; one folder deeper, or still in the published archive, it is found too. None for
            CNNLITE_DATA or the place that `cnnlite data fetch cifar10` fills.
        num_validation: how many images to keep for validation; may be 0.
        normalize: "channel", "image" (see Normalization.from_images; measured on the training
            images alone), or None.
        cache: keep the images as mapped files in the cache folder; False holds them in memory.

    Returns:
        A mapping with X_train, y_train, X_val, y_val, X_test, y_test: X uint8 (N, 3, 32, 32), y
        int64 (N,).

    Raises:
        FileNotFoundError: no CIFAR-10 there, or one of its files is missing.
        DataError: a file is damaged; the message names it.
        OSError: the folder cannot be read, or the disk is too full for the cache.
        TypeError: num_validation is not an integer.
        ValueError: num_validation or normalize is out of range, or root is empty.
    """
    choice("cifar10", "normalize", normalize, ("channel", "image", None))
    num_validation = integer("cifar10", "num_validation", num_validation)
    source = find(root)
    arrays = convert(source) if cache else read_all(source)
    images, labels = arrays["images_train"], np.array(arrays["labels_train"])
    num_train = len(images) - num_validation
    if num_validation < 0 or num_train < 1:
        raise ValueError(
            f"cifar10: num_validation is {num_validation}, expected 0 to {len(images) - 1}"
        )
    splits = {
        "X_train": images[:num_train],
        "y_train": labels[:num_train],
        "X_val": images[num_train:],
        "y_val": labels[num_train:],
        "X_test": arrays["images_test"],
        "y_test": np.array(arrays["labels_test"]),
    }
    normalization = normalize and Normalization.from_images(splits["X_train"], normalize)
    return Dataset(splits, CLASS_NAMES, normalization or None, "cifar10", {"kind": "cifar10"})


def find(root: PathLike | None = None) -> Source:
    """Find CIFAR-10's files; for arguments and errors see `find_source`."""
    return find_source(LAYOUT, root)


def convert(source: Source) -> Mapping[str, np.ndarray]:
    """Put the images and labels into the cache, if they are not there, and map them from it."""
    keys = [f"{kind}_{split}" for split in ("train", "test") for kind in ("images", "labels")]
    files = [source.archive] if source.archive else source.present()
    return cached_arrays("cifar10", files, keys, lambda: read_all(source))


def read_all(source: Source) -> dict[str, np.ndarray]:
    """Read all images and labels into memory; an archive is unpacked in the meantime.

    Raises:
        FileNotFoundError, DataError, OSError: as `cifar10`.
    """
    if source.archive is None:
        return _read_all(source)
    with tempfile.TemporaryDirectory(prefix="cnnlite-") as workspace:
        folder = unpack(source.archive, Path(workspace), LAYOUT)
        return _read_all(Source(LAYOUT, folder, folder.name))


def _read_all(source: Source) -> dict[str, np.ndarray]:
    paths = source.present()[:6]
    _check_meta(source)
    batches = [read_batch(path) for path in paths]
    sizes = [len(labels) for _, labels in batches]
    for path, size in zip(paths, sizes, strict=True):
        # A file cut off between two records looks sound; only the others give it away.
        if size != max(sizes):
            raise DataError(
                f"{path} has {size} images where the others have {max(sizes)}: it is cut off. "
                "Fetch the data again"
            )
    images, labels = (list(arrays) for arrays in zip(*batches, strict=True))
    return {
        "images_train": np.concatenate(images[:5]),
        "labels_train": np.concatenate(labels[:5]),
        "images_test": images[5],
        "labels_test": labels[5],
    }


def _check_meta(source: Source) -> None:
    """Make sure that the labels mean what CLASS_NAMES says; the file itself may be missing."""
    meta = source.path(source.names[-1])
    if not meta.exists():
        return
    names: object
    if source.version == BINARY:
        names = read_regular_file(meta, 10_000).decode("utf-8", "replace").split()
    else:
        names = read_pickle(meta).get("label_names")
    if isinstance(names, list):
        names = [name.decode("latin-1") if type(name) is bytes else name for name in names]
    # Types first: a damaged file may hold arrays, whose == is no truth.
    sound = isinstance(names, list) and all(type(name) is str for name in names)
    if not sound or names != list(CLASS_NAMES):
        raise DataError(f"{meta} does not name the ten classes of CIFAR-10 in their order")


def read_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one file of either version; see `read_python_batch`."""
    return (read_binary_batch if path.suffix == ".bin" else read_python_batch)(path)


def read_python_batch(path: PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read one file of the python version.

    Args:
        path: the file, for instance data_batch_1.

    Returns:
        Images uint8 (N, 3, 32, 32), read-only, and labels int64 (N,).

    Raises:
        DataError: it is damaged or holds anything else; the message names it.
        OSError: it is missing or cannot be read.
    """
    path = Path(path)
    content = read_pickle(path)
    data, labels = content.get("data"), content.get("labels")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != PIXELS:
        shape = data.shape if isinstance(data, np.ndarray) else type(data).__name__
        raise DataError(f"{path}: 'data' is {shape}, expected an array of uint8 (N, {PIXELS})")
    if not isinstance(labels, list) or len(labels) != len(data):
        count = len(labels) if isinstance(labels, list) else type(labels).__name__
        raise DataError(f"{path}: 'labels' is {count}, expected a list of {len(data)} labels")
    if not all(type(label) is int and 0 <= label < len(CLASS_NAMES) for label in labels):
        raise DataError(f"{path}: 'labels' holds something else than integers from 0 to 9")
    return data.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)


def read_binary_batch(path: PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read one file of the binary version, for instance data_batch_1.bin.

    Arguments, results and errors are those of read_python_batch.
    """
    path = Path(path)
    content = read_regular_file(path, MAX_BYTES)
    if not content or len(content) % (1 + PIXELS):
        raise DataError(
            f"{path} has {len(content)} bytes, which is not a whole number of records of "
            f"{1 + PIXELS} bytes: it is cut off or no CIFAR-10 file. Fetch the data again"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, 1 + PIXELS)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= len(CLASS_NAMES):
        row = int(labels.argmax())
        raise DataError(f"{path}: record {row} has the label {labels[row]}, expected 0 to 9")
    return records[:, 1:].reshape(-1, 3, 32, 32), labels
