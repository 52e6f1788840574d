"""How a rank that fails ends the others: they would wait for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from cnnlite import environment
from cnnlite.training.distributed.waiting import end_job

__all__ = ["give_up", "hook"]

PATIENCE = 2.0
"""Seconds in which a rank that fails ends those that fail for the same reason."""


def give_up(say: Callable[[], Any], status: int) -> None:
    """End all ranks, where they have not joined; of several that fail the first one says why.

    Args:
        say: prints why.
        status: of `mpirun`.
    """
    place = environment.launched()
    if place is not None and place.rank:
        time.sleep(PATIENCE + 0.5 * min(place.rank, 10))
    say()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if place is not None:
        end_job(place.descriptor, status)


class _Hook:
    """Shows an exception that ends the program once, and ends the other ranks.

    Attributes:
        ranks: the processes, once this one has joined them.
    """

    ranks: Any = None

    def __init__(self) -> None:
        self._before = sys.excepthook

    def install(self) -> None:
        """Take the place of sys.excepthook."""
        if sys.excepthook is not self:
            self._before, sys.excepthook = sys.excepthook, self

    def __call__(
        self, kind: type[BaseException], error: BaseException, where: TracebackType | None
    ) -> None:
        if self.ranks is None:
            give_up(lambda: self._before(kind, error, where), 1)
            return
        self.ranks.end_all(self.ranks.told(error), 1)
        if self.ranks.first:
            self._before(kind, error, where)


hook = _Hook()
