"""Pictures that are decoded when a batch asks for them: nothing of them is kept."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from cnnlite.data.decode_block import How, decode_block
from cnnlite.data.listing import Picture

__all__ = ["Pictures"]

BLOCKS = 4  # for each worker: pictures take different times


class Pictures:
    """A source of images, uint8 (N, C, H, W), for `StoredArray`.

    Args:
        how: in which way pictures are decoded.
        pictures: in the order of their numbers.
        workers: threads that decode.
    """

    def __init__(self, how: How, pictures: Sequence[Picture], workers: int) -> None:
        self.shape = (len(pictures), *how.shape)
        self.dtype = np.dtype(np.uint8)
        self._how, self._pictures, self._workers = how, pictures, workers
        self._threads = ThreadPoolExecutor(workers, "cnnlite-decode")

    def __reduce__(self) -> tuple[Any, ...]:
        return Pictures, (self._how, self._pictures, self._workers)

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        """Decode the pictures of these numbers (M,), several at once.

        Raises:
            DataError, OSError: a picture cannot be read, or has changed since it was listed; the
                message names it.
        """
        _quiet_pillow()
        wanted = [self._pictures[number] for number in index.tolist()]
        images = np.empty((len(wanted), *self.shape[1:]), np.uint8)
        size = max(1, -(-len(wanted) // (BLOCKS * self._workers)))
        stop = threading.Event()

        def decode(start: int) -> None:
            block = slice(start, start + size)
            decode_block(self._how, wanted[block], 0, 0, images[block], stop)

        started = [self._threads.submit(decode, start) for start in range(0, len(wanted), size)]
        try:
            for decoded in started:
                decoded.result()
        finally:
            stop.set()
            for decoded in started:
                decoded.cancel()
        return images


def _quiet_pillow() -> None:
    """Ignore what Pillow finds odd, and reads all the same.

    Filters belong to the whole process: `catch_warnings` in a thread would undo those of others.
    """
    module = r"PIL\."
    there = (f[3] for f in warnings.filters if f[0] == "ignore" and isinstance(f[3], re.Pattern))
    if not any(pattern.pattern == module for pattern in there):
        warnings.filterwarnings("ignore", module=module)
