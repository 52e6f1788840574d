"""A folder of pictures as a data set: decoded once and mapped from the cache, or for each batch."""

import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from cnnlite.checks.numbers import choice, count, flag
from cnnlite.cpus import default_num_threads
from cnnlite.data.cache import expanded
from cnnlite.data.dataset import SPLITS, Dataset, Normalization
from cnnlite.data.decode_block import How
from cnnlite.data.decoding import Job
from cnnlite.data.errors import DataError
from cnnlite.data.listing import Listing, Picture, list_folder
from cnnlite.data.picture_cache import decoded
from cnnlite.data.pictures import FITS, Size, image_size
from cnnlite.data.places import PathLike
from cnnlite.data.splits import check_division, warn_of_unvalidated
from cnnlite.data.streamed import Pictures
from cnnlite.data.survey import surveyed
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
    stream: bool = False,
) -> Dataset:
    """Load pictures that are sorted into folders, one a class.

    The folder has one folder for each class, or train/, and val/ or test/ or both, that have. A
    picture is what `cnnlite.data.read_picture` reads; those in deeper folders count too.

    The pictures are decoded once, into the cache folder, several at once; later calls map them
    from there, as long as no name, length or time of a file has changed. What an interrupted call
    has decoded is kept, and the next one goes on from there.

    With `stream`, no pixels are kept: a picture is decoded whenever a batch asks for it, the next
    batches' while a step runs, to the same bits. All are decoded once before, to find what is
    broken and to measure the normalization; what that told is kept in the cache folder.

    Args:
        path: the folder.
        size, grey, fit: as `read_picture`. With size None, all pictures must have one size.
        val: the share of each class's training pictures that validates, where there is no val/.
        seed: which of them do.
        skip_broken: leave out what cannot be read, with a warning that names it.
        workers: threads (for many pictures, processes) that decode; None takes one for each CPU.
        progress: called now and then with the pictures decoded and the pictures in all.
        stream: decode for each batch; `workers` are threads then.

    Returns:
        A data set with X_train, y_train, X_val, y_val, and X_test, y_test where there is test/: X
        uint8 (N, C, H, W), read-only and mapped, or a `StoredArray`; normalised by channel.

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
    stream = flag("folder", "stream", stream)
    val, seed = check_division("folder", val, seed)
    workers = default_num_threads() if workers is None else count("folder", "workers", workers)
    root = expanded(path).resolve()
    listing = list_folder(root, val, seed)
    if listing.broken and not skip_broken:
        raise _broken(listing.broken[0][1])
    job = Job(listing, shape, grey, fit, workers, skip_broken, progress)
    key = repr((str(root), shape, grey, fit, val, seed))
    images: Callable[[Sequence[Picture], int], Any]
    if stream:
        state = surveyed(job, key)
        skipped, sums = state.skipped, state.sums
        how = How(str(root), state.shape, shape is not None, grey, fit, False)

        def images(pictures: Sequence[Picture], start: int) -> Any:
            return Pictures(how, pictures, workers)

    else:
        pixels, skipped, sums = decoded(job, key)

        def images(pictures: Sequence[Picture], start: int) -> Any:
            return pixels[start : start + len(pictures)]

    if skipped and not skip_broken:  # by a call that was to skip them
        raise _broken(skipped[0][1])
    faults = [*listing.broken, *skipped]
    if faults:
        more = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        names = "; ".join(fault for _, fault in faults[:NAMED])
        warnings.warn(f"{len(faults)} broken pictures left out: {names}{more}", stacklevel=2)
    settings = {
        "kind": "folder", "path": str(root), "grey": grey, "fit": fit, "val": val, "seed": seed,
        "skipped": [name for name, _ in faults],
    }  # fmt: skip
    return _dataset(listing, {name for name, _ in skipped}, sums, images, settings)


def _dataset(
    listing: Listing,
    skipped: Collection[str],
    sums: Sequence[int],
    images: Callable[[Sequence[Picture], int], Any],
    settings: dict[str, Any],
) -> Dataset:
    """Return the data set of all pictures that are not skipped.

    Args:
        listing: the pictures.
        skipped: the paths of those that are broken.
        sums: of the training pixels, channel by channel, then of their squares.
        images: gives the images of pictures; their first one's number among all is told, too.
        settings: those of the data set, but for "size".
    """
    arrays: dict[str, Any] = {}
    files: dict[str, list[str]] = {}
    start = 0
    for split in (split for split in SPLITS if split in listing.splits):
        sound = [picture for picture in listing.splits[split] if picture.path not in skipped]
        files[split] = [picture.path for picture in sound]
        arrays[f"X_{split}"] = images(sound, start)
        arrays[f"y_{split}"] = np.array([picture.label for picture in sound], np.int64)
        start += len(sound)
    counts = np.bincount(arrays["y_train"], minlength=len(listing.class_names))
    if not counts.all():
        lost = listing.class_names[int(np.argmin(counts > 0))]
        raise DataError(f"{listing.root}: every picture to train the class {lost} with is broken")
    if not len(arrays["y_val"]):
        raise DataError(f"{listing.root}: every picture to validate with is broken")
    if listing.divided:
        warn_of_unvalidated(printable(str(listing.root)), listing.class_names, arrays["y_val"])
    _, channels, height, width = arrays["X_train"].shape
    both = np.array(sums, dtype=np.uint64).reshape(2, channels, 1, 1)
    normalization = Normalization.from_sums(both, int(counts.sum()) * height * width)
    name = printable(listing.root.name or str(listing.root))
    settings = settings | {"size": [height, width]}
    return Dataset(arrays, listing.class_names, normalization, name, settings, files)


def _broken(fault: str) -> DataError:
    return DataError(f"{fault} (skip_broken=True or --skip-broken leaves out what is broken)")
