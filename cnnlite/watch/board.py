"""What a live page shows at the moment: sections made anew when there is something new to see."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cnnlite.report.document import Section, payload
from cnnlite.report.sections import SECTIONS
from cnnlite.report.sections.curves import curves
from cnnlite.report.seen import Seen
from cnnlite.watch.budget import Budget

__all__ = ["FIRST", "Board", "Shown", "plain"]

SHARE = 0.012
"""The part of a processor's time that may go into sections, of all time so far."""
CREDIT = 0.3
"""Seconds of it that may be used at once."""
REST = 1.0
"""Seconds between two states, as no eye follows more; a browser has to draw each."""
FIRST = "live"
"""The section that is always there, above those that are made."""
MADE = tuple(sorted(SECTIONS, key=lambda make: make is not curves))
"""Makes the others, in their order: what moves most is beside the buttons."""


class Shown(NamedTuple):
    """A section as pages are sent it: JSON without its end; the version grows with each change."""

    version: int
    section: Section
    body: str

    @property
    def text(self) -> str:
        return f'{self.body}, "version": {self.version}}}'


class Board(threading.Thread):
    """Makes sections, in a thread of its own, so that neither training nor server waits for it.

    Only the newest of what is given to `put` counts, and nothing is made while nobody looks.  The
    sections follow each other as far as the time allows, see SHARE: where they would take more, a
    page gets every second or third state of them, and always the last.

    Args:
        share: see SHARE; None where nothing else wants the processor.
    """

    def __init__(self, share: float | None = SHARE) -> None:
        super().__init__(name="cnnlite live page: sections", daemon=True)
        self.looked_at = threading.Event()  # whether there has been a page
        self.faults: dict[int, str] = {}  # what went wrong with a section, by its place
        self._made: dict[int, Shown] = {}  # by place among MADE
        self._budget = Budget(share, CREDIT, time.thread_time)
        self._see: Callable[[], Seen] | None = None
        self._new = threading.Condition()
        self._busy = threading.Lock()
        self._ended = self._last = False

    @property
    def shown(self) -> list[Shown]:
        """The sections that there are, in their order."""
        made = dict(self._made)
        return [made[place] for place in sorted(made)]

    @property
    def quiet(self) -> bool:
        """Whether nothing is being made, or is to be made."""
        return self._see is None and not self._busy.locked()

    def put(self, see: Callable[[], Seen], last: bool = False) -> None:
        """Show what `see` gives, as soon as that may be, the last of all at once; does not wait."""
        with self._new:
            self._see, self._last = see, last
            self._new.notify_all()

    def end(self) -> None:
        """End the thread."""
        with self._new:
            self._ended = True
            self._new.notify_all()

    def renew(self, wait: Callable[[], bool] | None = None) -> None:
        """Make all sections of what is newest, in the caller's thread.

        Args:
            wait: is called before each section, and returns False to give up. None makes them at
                once, and does not count their time, as a page is asked for.
        """
        with self._busy:
            see, self._see = self._see, None
            if see is None:
                return
            seen: Seen | None = None
            for place, make in enumerate(MADE):
                if wait is not None and not wait():
                    return
                with self._budget.spending() if wait else contextlib.nullcontext():
                    try:
                        seen = see() if seen is None else seen
                        self._take(place, make(seen))
                        self.faults.pop(place, None)
                    except Exception as error:  # the others are shown all the same
                        self.faults[place] = f"{type(error).__name__}: {error}"

    def run(self) -> None:
        """Make what is put, as far as the time allows."""
        while True:
            with self._new:
                self._new.wait_for(lambda: self._ended or self._see is not None)
                if self._ended:
                    return
            if self.looked_at.wait(1.0):
                self.renew(self._may_go_on)
                with self._new:
                    self._new.wait_for(lambda: self._ended or self._last, REST)

    def _may_go_on(self) -> bool:
        """Wait until there is time for a section; whether what is made is still the newest."""
        with self._new:
            newer = self._new.wait_for(
                lambda: self._ended or self._last or self._see is not None, self._budget.wait
            )
        return not newer or (self._last and self._see is None)

    def _take(self, place: int, section: Section | None) -> None:
        if section is None:
            self._made.pop(place, None)
            return
        before = [shown.section.id for at, shown in sorted(self._made.items()) if at < place]
        message = {"type": "section", "after": (before or [FIRST])[-1], **payload(section)}
        body, old = json.dumps(message, allow_nan=False)[:-1], self._made.get(place)
        if old is None or old.body != body:
            last = max((shown.version for shown in self._made.values()), default=0)
            version = max(time.time_ns() // 1_000_000, last + 1)  # the clock may be set back
            self._made[place] = Shown(version, section, body)


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a history as JSON can say it: NaN and infinity are None."""
    finite = {key: value for key, value in row.items() if abs(value) < float("inf")}
    return dict.fromkeys(row) | finite
