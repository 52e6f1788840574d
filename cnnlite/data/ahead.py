"""Reads the images of the next batches while a step runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np

from cnnlite.data.mapped import major_faults, mapped_root, will_need
from cnnlite.data.stored import Held, StoredArray

__all__ = ["in_batches", "read_ahead"]

BATCHES = 2  # that are read ahead
WINDOW_BYTES = 2**26  # of images in chunks that are read together


def in_batches(order: np.ndarray, size: int) -> Iterable[np.ndarray]:
    """Yield the batches of an order: views of `size` indices, the last one may be shorter."""
    return (order[start : start + size] for start in range(0, len(order), size))


def read_ahead(
    X: Any,
    batches: Iterable[np.ndarray],
    needed: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> Generator[np.ndarray]:
    """Yield the batches of indices, each when its images are there or on their way.

    Images that are kept elsewhere are read by a thread, two batches ahead. Where they lie in
    chunks that are decoded as a whole (zarr, HDF5), those of many batches are read together, and a
    chunk is decoded once for all of them: 1, 2, 4, ... batches, up to 64 MB. Of a mapped file, the
    system is told two batches ahead which pages to read, from the moment on that a batch had to
    wait for the disk. An array in memory needs none of this. What is read, and what X gives, is
    the same in every case.

    Args:
        X: an array or a `StoredArray`.
        batches: integers (N,) each. They are asked for ahead of time, so they may depend on
            nothing that is done with earlier ones.
        needed: which images a batch's own indices ask for: others too, where images are mixed.

    Yields:
        The batches, in their order. Close it when it is left early: a thread may be reading.
    """
    if isinstance(X, StoredArray):
        yield from _stored(X, batches, needed)
    elif mapped_root(X) is not None and X.flags.c_contiguous:
        yield from _mapped(X, batches, needed)
    else:
        yield from batches


def _mapped(
    X: np.ndarray, batches: Iterable[np.ndarray], needed: Callable[[np.ndarray], np.ndarray]
) -> Generator[np.ndarray]:
    coming: deque[np.ndarray] = deque()
    before, waits = major_faults(), False
    for index in batches:
        coming.append(index)
        if waits:
            will_need(X, needed(index))
        if len(coming) > BATCHES:
            yield coming.popleft()
            waits = waits or major_faults() > before
    yield from coming


def _stored(
    X: StoredArray, batches: Iterable[np.ndarray], needed: Callable[[np.ndarray], np.ndarray]
) -> Generator[np.ndarray]:
    source, before = iter(batches), X.held
    coming: deque[tuple[list[np.ndarray], Future[Held]]] = deque()
    image = max(1, int(np.prod(X.shape[1:])) * X.dtype.itemsize)
    number, depth = 1, 2 if X.chunked else 1 + BATCHES

    def read(group: list[np.ndarray]) -> Held:
        places = np.unique(np.concatenate([needed(index) for index in group]))
        return Held(places, X.read(places))

    thread = ThreadPoolExecutor(1, "cnnlite-read-ahead")
    try:
        while True:
            while len(coming) < depth and (group := list(islice(source, number))):
                coming.append((group, thread.submit(read, group)))
                if X.chunked:
                    most = WINDOW_BYTES // (image * max(1, len(needed(group[0]))))
                    number = max(1, min(2 * number, most))
            if not coming:
                return
            group, future = coming.popleft()
            # What went wrong is met again, and told, where the batch is asked for.
            X.held = None if future.exception() else future.result()
            yield from group
    finally:
        X.held = before
        thread.shutdown(cancel_futures=True)
