"""A folder of pictures as a data set: decoded once, and mapped from the cache afterwards."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnlite.checks.numbers import choice, count, flag
from cnnlite.cpus import default_num_threads
from cnnlite.data.cache import expanded
from cnnlite.data.dataset import SPLITS, Dataset, Normalization
from cnnlite.data.decoding import Job
from cnnlite.data.errors import DataError
from cnnlite.data.listing import Listing, list_folder
from cnnlite.data.picture_cache import Decoded, decoded
from cnnlite.data.pictures import FITS, Size, image_size
from cnnlite.data.places import PathLike
from cnnlite.data.splits import check_division, warn_of_unvalidated
from cnnlite.terminal import printable

__all__ = ["folder"]

NAMED = 20  # broken pictures that a warning names one by one


def folder(
    path: PathLike,
    size: Size = 32,
    grey: bool = False,
    fit: str = "crop",
    val: float = 0.1,
    seed: int = 0,
    skip_broken: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Load pictures that are sorted into folders, one a class.

    The folder has one folder for each class, or train/, and val/ or test/ or both, that have. A
    picture is what `cnnlite.data.read_picture` reads; those in deeper folders count too.

    The pictures are decoded once, into the cache folder, several at once; later calls map them
    from there, as long as no name, length or time of a file has changed. What an interrupted call
    has decoded is kept, and the next one goes on from there.

    Args:
        path: the folder.
        size, grey, fit: as `read_picture`. With size None, all pictures must have one size.
        val: the share of each class's training pictures that validates, where there is no val/.
        seed: which of them do.
        skip_broken: leave out what cannot be read, with a warning that names it.
        workers: threads (for many pictures, processes) that decode; None takes one for each CPU.
        progress: called now and then with the pictures decoded and the pictures in all.

    Returns:
        A data set with X_train, y_train, X_val, y_val, and X_test, y_test where there is test/: X
        uint8 (N, C, H, W), read-only and mapped; normalised by channel.

    Raises:
        DataError: the folder is not such a folder, a class is empty, there is only one, or a
            picture cannot be read; the message names it.
        ImportError: Pillow is not installed.
        OSError: a file cannot be read, or the disk is too full for the cache.
        ValueError, TypeError: a wrong argument.
    """
    shape = image_size("folder", size)
    choice("folder", "fit", fit, FITS)
    grey, skip_broken = flag("folder", "grey", grey), flag("folder", "skip_broken", skip_broken)
    val, seed = check_division("folder", val, seed)
    workers = default_num_threads() if workers is None else count("folder", "workers", workers)
    root = expanded(path).resolve()
    listing = list_folder(root, val, seed)
    if listing.broken and not skip_broken:
        raise _broken(listing.broken[0][1])
    job = Job(listing, shape, grey, fit, workers, skip_broken, progress)
    found = decoded(job, repr((str(root), shape, grey, fit, val, seed)))
    if found.skipped and not skip_broken:  # by a call that was to skip them
        raise _broken(found.skipped[0][1])
    faults = [*listing.broken, *found.skipped]
    if faults:
        more = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        names = "; ".join(fault for _, fault in faults[:NAMED])
        warnings.warn(f"{len(faults)} broken pictures left out: {names}{more}", stacklevel=2)
    settings = {
        "kind": "folder", "path": str(root), "size": list(found.images.shape[2:]), "grey": grey,
        "fit": fit, "val": val, "seed": seed, "skipped": [name for name, _ in faults],
    }  # fmt: skip
    return _dataset(listing, found, settings)


def _dataset(listing: Listing, found: Decoded, settings: dict[str, Any]) -> Dataset:
    skipped = {name for name, _ in found.skipped}
    arrays: dict[str, np.ndarray] = {}
    files: dict[str, list[str]] = {}
    start = 0
    for split in (split for split in SPLITS if split in listing.splits):
        sound = [picture for picture in listing.splits[split] if picture.path not in skipped]
        labels = [picture.label for picture in sound]
        files[split] = [picture.path for picture in sound]
        arrays[f"X_{split}"] = found.images[start : start + len(labels)]
        arrays[f"y_{split}"] = np.array(labels, np.int64)
        start += len(labels)
    counts = np.bincount(arrays["y_train"], minlength=len(listing.class_names))
    if not counts.all():
        lost = listing.class_names[int(np.argmin(counts > 0))]
        raise DataError(f"{listing.root}: every picture to train the class {lost} with is broken")
    if not len(arrays["y_val"]):
        raise DataError(f"{listing.root}: every picture to validate with is broken")
    if listing.divided:
        warn_of_unvalidated(printable(str(listing.root)), listing.class_names, arrays["y_val"])
    channels, height, width = found.images.shape[1:]
    sums = np.array(found.sums, dtype=np.uint64).reshape(2, channels, 1, 1)
    normalization = Normalization.from_sums(sums, int(counts.sum()) * height * width)
    name = printable(listing.root.name or str(listing.root))
    return Dataset(arrays, listing.class_names, normalization, name, settings, files)


def _broken(fault: str) -> DataError:
    return DataError(f"{fault} (skip_broken=True or --skip-broken leaves out what is broken)")
