"""Arrays that lie in a mapped file: how much of them stays in memory, and what is read ahead.

Pages that were read count as the process's memory until the system wants them back, so a training
on a large file would seem to grow.  They are given back here: the system's file cache, which is
shared and no process's own, keeps them as long as there is room.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from cnnlite.data.errors import DataChanged
from cnnlite.terminal import printable

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

__all__ = ["major_faults", "mapped_root", "reading", "will_need"]

LARGE = 2**28  # bytes: a smaller file may stay in memory as it is
KEPT = 2**27  # bytes of a larger one that are read until its pages are given back
AROUND = 2**16  # bytes: what Linux maps around a page that is asked for

_seen: WeakKeyDictionary[mmap.mmap, int] = WeakKeyDictionary()
"""For each map, the bytes that were read since its pages were given back."""


def mapped_root(array: object) -> np.memmap | None:
    """Return the memory map that an array is a part of, or None."""
    found = None
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap):
            found = array
        array = array.base
    return found


def reading(array: object, count: int, scattered: bool = False) -> None:
    """Prepare for reading `count` rows of an array; nothing is done unless it lies in a file.

    Args:
        array: of any kind.
        count: rows that are read next.
        scattered: whether they lie here and there.

    Raises:
        DataChanged: the file has become shorter, and reading would end the process.
    """
    root = mapped_root(array)
    if root is None:
        return
    assert isinstance(array, np.ndarray)
    file: Any = root.base
    there, wanted = file.size(), root.offset + root.nbytes
    if there < wanted:
        raise DataChanged(
            f"{printable(str(root.filename))} has {there:,} bytes, and had {wanted:,} when it was "
            "mapped: it was cut off while it was in use"
        )
    # Pages that were changed and belong to this process alone would be lost.
    if root.nbytes <= LARGE or root.mode == "c" or not hasattr(mmap, "MADV_DONTNEED"):
        return
    seen = _seen.get(file, 0)
    if seen > KEPT:
        file.madvise(mmap.MADV_DONTNEED)
        seen = 0
    row = array[:1].nbytes
    _seen[file] = seen + count * (row + AROUND if scattered else row)


def will_need(array: np.ndarray, index: np.ndarray) -> None:
    """Let the system begin to read these rows of a mapped array from the disk; return at once."""
    root = mapped_root(array)
    if root is None or not hasattr(mmap, "MADV_WILLNEED"):
        return
    file: Any = root.base
    # The map begins at a page, up to a granule before the array of the root.
    first = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    first += root.offset % mmap.ALLOCATIONGRANULARITY
    row, length = array.strides[0], array[:1].nbytes
    for start, end in _pages((first + row * int(number), length) for number in np.sort(index)):
        file.madvise(mmap.MADV_WILLNEED, start, end - start)


def _pages(rows: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Yield start and end, whole pages, of neighbouring rows at once; rows increase."""
    start = end = 0
    for place, length in rows:
        here = place - place % mmap.PAGESIZE
        if here > -(-end // mmap.PAGESIZE) * mmap.PAGESIZE:
            if end:
                yield start, end
            start = here
        end = max(end, place + length)
    if end:
        yield start, end


def major_faults() -> int:
    """Return how often this process has waited for a page from the disk; 0 on Windows."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt if resource else 0
