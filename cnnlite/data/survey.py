"""Looks at every picture of a folder once, and keeps what that tells, but no pixels."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections import deque
from pathlib import Path

import numpy as np

from cnnlite.data.cache import cache_folder, is_read_only
from cnnlite.data.decode_state import State, decode_and_note, states
from cnnlite.data.decoding import Job
from cnnlite.data.row_file import RowFile

__all__ = ["surveyed"]

VERSION = 1  # of what is kept; another one is made again


class Discarded(RowFile):
    """The rows of a file that keeps nothing."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(Path(os.devnull), shape)

    def __getitem__(self, rows: slice) -> np.ndarray:
        return np.empty((0, *self._shape), np.uint8)

    def finish(self, rows: int) -> None:
        """Do nothing: there is no array."""

    def sync(self) -> None:
        """Do nothing: there is nothing to wait for."""


def surveyed(job: Job, how: str) -> State:
    """Return the shape of the images, the pictures that are broken, and the sums of the pixels.

    Every picture is decoded, once: the result is kept in the cache folder as long as no name,
    length or time of a file has changed, also as far as an interrupted call has come.

    Args:
        job: what is decoded.
        how: the folder and all settings.

    Raises:
        DataError, OSError: as `cnnlite.data.picture_cache.decoded`.
    """
    prefix = hashlib.blake2b(f"{VERSION} {how}".encode("utf-8", "surrogateescape"), digest_size=8)
    name = f"survey-{prefix.hexdigest()}"
    path = cache_folder() / f"{name}-{job.listing.fingerprint()}.json"
    state = _read(path) or State.first(job)
    if state.pictures == len(job.pictures):
        return state
    with contextlib.closing(Discarded(state.shape)) as nothing:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for old in path.parent.glob(f"{name}-*.json"):
                if old != path:
                    old.unlink(missing_ok=True)
            return decode_and_note(job, state, nothing, path)
        except OSError as error:
            if not is_read_only(error, path.parent):
                raise
            warnings.warn(
                f"every call looks at all pictures again, because {path.parent} cannot be written "
                "to: set CNNLITE_CACHE to a folder that can",
                stacklevel=4,
            )
            (state,) = deque(states(job, state, nothing), maxlen=1)
            return state


def _read(path: Path) -> State | None:
    try:
        return State.read(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or damaged: it is made again
