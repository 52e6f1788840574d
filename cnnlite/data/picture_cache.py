"""Keeps decoded pictures in the cache folder, and goes on where a stopped process was.

`pictures-HOW-LISTING` has the finished array (images.npy) and what belongs to it (about.json);
with `.part` behind its name, an unfinished one.
"""

import contextlib
import hashlib
import os
import shutil
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnlite.data.cache import cache_folder, is_read_only
from cnnlite.data.decode_block import Faults
from cnnlite.data.decode_state import State, decode_and_note, states
from cnnlite.data.decoding import Job
from cnnlite.data.errors import DataError
from cnnlite.data.row_file import RowFile

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Decoded", "decoded"]

VERSION = 1  # of what the cache holds; another one is made again
IMAGES, ABOUT = "images.npy", "about.json"


class Decoded(NamedTuple):
    """All sound pictures, uint8 (N, C, H, W); for the other fields see `Block`."""

    images: np.ndarray
    skipped: Faults
    sums: list[int]


def decoded(job: Job, how: str) -> Decoded:
    """Map the pictures from the cache, after decoding those that are not there.

    Args:
        job: what is decoded.
        how: the folder and all settings. Of pictures that were decoded in the same way, but from
            other files, nothing is kept.

    Raises:
        DataError: a picture cannot be read, and `job.skip_broken` is False.
        OSError: the disk is full; the message names the file.
    """
    prefix = hashlib.blake2b(f"{VERSION} {how}".encode("utf-8", "surrogateescape"), digest_size=8)
    name = f"pictures-{prefix.hexdigest()}"
    folder = cache_folder() / f"{name}-{job.listing.fingerprint()}"
    found = _map(folder)
    if found is not None:
        return found
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_writer(folder.parent):
            found = _map(folder)  # another process may have been decoding them
            if found is None:
                others = folder.parent.glob(f"{name}-*")
                _remove(path for path in others if path.name.split(".")[0] != folder.name)
                part = _part(folder)
                part.mkdir(exist_ok=True)
                _decode_into(part, job)
                _remove([folder])  # a damaged one
                os.replace(part, folder)
    except OSError as error:
        if not is_read_only(error, folder.parent):
            raise
        warnings.warn(
            f"the pictures are kept in memory, because {folder.parent} cannot be written to: set "
            "CNNLITE_CACHE to a folder that can",
            stacklevel=4,
        )
        return _in_memory(job)
    found = found or _map(folder)
    if found is None:
        raise DataError(f"{folder} was changed while it was written: start again")
    return found


def _map(folder: Path) -> Decoded | None:
    try:
        state = State.read(folder / ABOUT)
        images = np.load(folder / IMAGES, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None  # not there, or damaged: it is made again
    if images.shape != (state.rows, *state.shape) or images.dtype != np.uint8:
        return None
    return Decoded(images, state.skipped, state.sums)


def _part(folder: Path) -> Path:
    """The unfinished folder: one for all processes where they wait for each other."""
    return folder.with_name(f"{folder.name}.part" if fcntl else f"{folder.name}.{os.getpid()}")


@contextlib.contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Wait until no other process decodes into the folder; Windows has no such locks."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    os.set_inheritable(descriptor, True)  # processes that decode may outlive this one for a moment
    try:
        with contextlib.suppress(OSError):  # nor have some network drives
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _decode_into(part: Path, job: Job) -> None:
    """Fill the folder's files, from where an earlier process stopped."""
    path, about = part / IMAGES, part / ABOUT
    try:
        state = State.read(about)
        if path.stat().st_size < state.length:
            raise ValueError("rows are missing")
    except (OSError, ValueError, KeyError, TypeError):
        state = State.first(job)
    path.touch()
    with contextlib.closing(RowFile(path, state.shape)) as images:
        decode_and_note(job, state, images, about)


def _in_memory(job: Job) -> Decoded:
    first = State.first(job)
    images = np.empty((len(job.pictures), *first.shape), np.uint8)
    (state,) = deque(states(job, first, images), maxlen=1)
    images.flags.writeable = False
    return Decoded(images[: state.rows], state.skipped, state.sums)
