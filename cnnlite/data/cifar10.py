"""CIFAR-10: 60,000 colour images of 32x32 pixels in ten classes.

Both published versions are read: the python one (pickles, through `unpickle`) and the binary one
(records of one label byte and 3,072 pixel bytes).

Source:
    Krizhevsky, "Learning multiple layers of features from tiny images", 2009;
    the formats are described at https://www.cs.toronto.edu/~kriz/cifar.html
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnlite.checks.numbers import choice, integer
from cnnlite.data.archive import unpack
from cnnlite.data.cache import cached_arrays, data_folder, expanded, named_data_folder
from cnnlite.data.dataset import Dataset, Normalization
from cnnlite.data.errors import DataError
from cnnlite.data.unpickle import MAX_BYTES, read_pickle, read_regular_file

__all__ = [
    "CLASS_NAMES",
    "Source",
    "cifar10",
    "convert",
    "find",
    "read_binary_batch",
    "read_python_batch",
]

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
PIXELS = 3 * 32 * 32

PathLike = str | os.PathLike[str]


FOLDERS = ("cifar-10-batches-py", "cifar-10-batches-bin")
ARCHIVES = tuple(
    f"cifar-10-{version}{ending}"
    for version in ("python", "binary")
    for ending in (".tar.gz", ".tgz", ".tar")
)


@dataclass(frozen=True)
class Source:
    """A folder with the files of one of the versions, or with the archive that holds them.

    Attributes:
        folder: where the files are; that of the archive if they are still packed.
        binary: which version it is.
        archive: the archive, None where the files themselves are there.
        note: what a user should know, where the data was not quite where it was looked for.
    """

    folder: Path
    binary: bool
    archive: Path | None = None
    note: str = ""

    @property
    def batches(self) -> list[Path]:
        """The five training batches and, last, the test batch."""
        suffix = ".bin" if self.binary else ""
        names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
        return [self.folder / f"{name}{suffix}" for name in names]

    @property
    def meta(self) -> Path:
        """The file with the names of the classes."""
        return self.folder / ("batches.meta.txt" if self.binary else "batches.meta")

    def read(self, batch: Path) -> tuple[np.ndarray, np.ndarray]:
        """Read one of the batches."""
        return (read_binary_batch if self.binary else read_python_batch)(batch)


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
    """Find CIFAR-10's files in `root`, in `root` itself, one folder deeper, or in their archive.

    Args:
        root: as for `cifar10`.

    Raises:
        FileNotFoundError: none of the files is there; the message says how to get them.
        OSError: the folder cannot be read.
        ValueError: root is empty.
    """
    if root is not None and not os.fspath(root):
        raise ValueError("the name of the folder that holds CIFAR-10 is empty")
    place = expanded(root) if root is not None else data_folder()
    found = next(_sources(place), None)
    if found is not None:
        return found
    named = " (named by CNNLITE_DATA)" if root is None and named_data_folder() else ""
    raise FileNotFoundError(
        f"CIFAR-10 is not in {place}{named}: {_why_not(place)}. `cnnlite data fetch cifar10` "
        "downloads it; --data-dir or CNNLITE_DATA names another folder"
    )


def _sources(place: Path) -> Iterator[Source]:
    """Yield what is found: files before archives, near before deep."""
    if place.name.endswith((".tar.gz", ".tgz", ".tar")) and place.is_file():
        yield _packed(place)
    deeper: list[Path] = []
    for folder in _and_deeper(place, deeper):
        note = f"CIFAR-10 is one folder deeper than {place}: in {{}}" if folder in deeper else ""
        for inner in (folder, *(folder / name for name in FOLDERS)):
            for binary in (False, True):
                source = Source(inner, binary, note=note.format(inner))
                if any(os.path.exists(path) for path in source.batches):
                    yield source
    for folder in (place, *deeper):
        for name in ARCHIVES:
            if os.path.isfile(folder / name):
                yield _packed(folder / name)


def _and_deeper(place: Path, deeper: list[Path]) -> Iterator[Path]:
    """Yield the folder, then the folders in it, which are put into the list too."""
    yield place
    if place.is_dir():
        folders = [entry for entry in place.iterdir() if not entry.name.startswith(".")]
        deeper += sorted(entry for entry in folders if os.path.isdir(entry))
        yield from deeper


def _packed(archive: Path) -> Source:
    note = f"CIFAR-10 is still in its archive, {archive}, and is read from there"
    return Source(archive.parent, "binary" in archive.name, archive, note)


def _why_not(place: Path) -> str:
    if not os.path.lexists(place):
        return "there is no such folder"
    if not place.is_dir():
        return "that is a file, expected a folder" if place.exists() else "that link leads nowhere"
    part = next(
        (place / f"{name}.part" for name in ARCHIVES if (place / f"{name}.part").exists()), None
    )
    if part is not None:
        return f"a download of it was interrupted ({part.name}), and goes on where it stopped"
    return f"neither {FOLDERS[0]} nor {FOLDERS[1]} is there"


def convert(source: Source) -> Mapping[str, np.ndarray]:
    """Put the images and labels into the cache, if they are not there, and map them from it."""
    keys = [f"{kind}_{split}" for split in ("train", "test") for kind in ("images", "labels")]
    files = [source.archive] if source.archive else _present_files(source)
    return cached_arrays("cifar10", files, keys, lambda: read_all(source))


def read_all(source: Source) -> dict[str, np.ndarray]:
    """Read all images and labels into memory; an archive is unpacked in the meantime.

    Raises:
        FileNotFoundError, DataError, OSError: as `cifar10`.
    """
    if source.archive is None:
        return _read_all(source)
    with tempfile.TemporaryDirectory(prefix="cnnlite-") as workspace:
        folder = unpack(source.archive, Path(workspace))
        return _read_all(Source(folder, folder.name == FOLDERS[1]))


def _present_files(source: Source) -> list[Path]:
    for path in source.batches:
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is missing, though others of CIFAR-10's files are there. "
                "Fetch the data again: `cnnlite data fetch cifar10`"
            )
    return [*source.batches, *([source.meta] if source.meta.exists() else [])]


def _read_all(source: Source) -> dict[str, np.ndarray]:
    paths = _present_files(source)[:6]
    _check_meta(source)
    batches = [source.read(path) for path in paths]
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
    if not source.meta.exists():
        return
    names: object
    if source.binary:
        names = read_regular_file(source.meta, 10_000).decode("utf-8", "replace").split()
    else:
        names = read_pickle(source.meta).get("label_names")
    if isinstance(names, list):
        names = [name.decode("latin-1") if type(name) is bytes else name for name in names]
    # Types first: a damaged file may hold arrays, whose == is no truth.
    sound = isinstance(names, list) and all(type(name) is str for name in names)
    if not sound or names != list(CLASS_NAMES):
        raise DataError(f"{source.meta} does not name the ten classes of CIFAR-10 in their order")


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
