"""How a rank that fails ends the others: they would wait for it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from cnnlite import environment
from cnnlite.training.distributed.waiting import end_job, launched_here

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
    if place is not None and launched_here():
        end_job(os.getppid(), place.descriptor, status)


class _Hook:
    """Shows an exception that ends the program once, and ends the other ranks.

    Attributes:
        ranks: the processes, once this one has joined them.
    """

    ranks: Any = None

    def __init__(self) -> None:
        self._first = self._before = sys.excepthook
        self._process, self._called = 0, False

    def install(self) -> None:
        """Take the place of sys.excepthook, in a process that is a rank."""
        self._process = os.getpid()
        if sys.excepthook is not self:
            self._before, sys.excepthook = sys.excepthook, self

    def __call__(
        self, kind: type[BaseException], error: BaseException, where: TracebackType | None
    ) -> None:
        if self._called:  # by a later hook, which calls the one before it
            self._first(kind, error, where)
            return
        self._called = True
        try:
            self._show(kind, error, where)
        finally:
            self._called = False

    def _show(
        self, kind: type[BaseException], error: BaseException, where: TracebackType | None
    ) -> None:
        goes_on = sys.flags.interactive or hasattr(sys, "ps1")
        if goes_on or os.getpid() != self._process:  # or a copy of the rank, made by os.fork
            self._before(kind, error, where)
        elif self.ranks is None:
            give_up(lambda: self._before(kind, error, where), 1)
        else:
            self.ranks.end_all(self.ranks.told(error), 1)
            if self.ranks.first:
                self._before(kind, error, where)


hook = _Hook()
