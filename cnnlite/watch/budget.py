"""How often something may be done, so that a training hardly notices that it is looked at."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

__all__ = ["Chore"]


class Chore:
    """Something that is done again and again, and rests in between for what it took.

    What it takes is the time of its thread.  That is what a training loses, which waits meanwhile
    for Python's lock; or for a processor, of which each thread of a kernel takes one away.

    Attributes:
        cost: seconds that it takes; 0 until it was done once.
    """

    def __init__(self) -> None:
        self.cost = 0.0
        self._ended = time.monotonic()

    def due(self, share: float) -> float:
        """Return when, on `time.monotonic`, it may be done again to take that share of all time."""
        return self._ended + self.cost / share

    @contextlib.contextmanager
    def timed(self, rests: bool = True) -> Iterator[None]:
        """Note how long the block takes.

        Args:
            rests: whether it has to rest afterwards; what someone waits for need not.
        """
        begun = time.thread_time()
        try:
            yield
        finally:
            self.cost = time.thread_time() - begun
            if rests:
                self._ended = time.monotonic()
