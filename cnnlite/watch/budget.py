"""How much time may go into being looked at, so that a training hardly notices."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

__all__ = ["Budget"]


class Budget:
    """A share of all time so far, some of which may be used at once.

    Args:
        share: of the time; None where nothing else wants it.
        credit: seconds that may be used at the beginning.
        clock: what time is measured with: `time.thread_time` counts a thread's own work,
            `time.perf_counter` what it waits for, too.
    """

    def __init__(self, share: float | None, credit: float, clock: Callable[[], float]) -> None:
        self._share, self._credit, self._clock = share, credit, clock
        self._spent, self._since = 0.0, time.monotonic()

    @property
    def wait(self) -> float:
        """Seconds until something may be used again; 0 where that is now."""
        if self._share is None:
            return 0.0
        due = self._since + (self._spent - self._credit) / self._share
        return max(0.0, due - time.monotonic())

    @contextlib.contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time of the block."""
        before = self._clock()
        try:
            yield
        finally:
            self._spent += self._clock() - before
