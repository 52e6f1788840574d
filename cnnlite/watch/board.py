"""What a live page shows at the moment: sections made anew when there is something new to see."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cnnlite.report.document import Section, payload

__all__ = ["FIRST", "Board", "Shown", "plain"]

SHARE = 0.01
"""The part of a processor's time that may go into sections, of all time so far."""
FIRST = "live"
"""The section that is always there, above those that are made."""
CREDIT = 2.0
"""Seconds of it that may be used at once."""

Sections = Sequence[Section]


class Shown(NamedTuple):
    """A section as pages are sent it: JSON without its end; the version grows with each change."""

    version: int
    body: str

    @property
    def text(self) -> str:
        return f'{self.body}, "version": {self.version}}}'


class Board(threading.Thread):
    """Makes sections, in a thread of its own, so that neither training nor server waits for it.

    What is to be shown is given to `put` as a function that makes the sections; only the newest
    one counts, and none is called while nobody looks.  Where that would take more than SHARE of
    the time, a page gets every second or third, and always the last.

    Args:
        share: see SHARE; None where nothing else wants the processor.
    """

    def __init__(self, share: float | None = SHARE) -> None:
        super().__init__(name="cnnlite live page: sections", daemon=True)
        self.looked_at = threading.Event()  # whether there has been a page
        self.sections: list[Section] = []
        self.shown: dict[str, Shown] = {}  # by the section's id, in their order
        self.fault: Exception | None = None
        self._share = share
        self._make: Callable[[], Sections] | None = None
        self._new = threading.Condition()
        self._busy = threading.Lock()
        self._ended = self._last = False
        self._spent, self._since = 0.0, time.monotonic()

    def put(self, make: Callable[[], Sections], last: bool = False) -> None:
        """Show what `make` makes, as soon as that may be, the last of all at once; does not wait."""
        with self._new:
            self._make, self._last = make, last
            self._new.notify_all()

    @property
    def quiet(self) -> bool:
        """Whether nothing is being made, or is to be made."""
        return self._make is None and not self._busy.locked()

    def end(self) -> None:
        """End the thread."""
        with self._new:
            self._ended = True
            self._new.notify_all()

    def renew(self) -> None:
        """Make what is newest now, in the caller's thread, as a page has been asked for."""
        with self._busy:
            make, self._make = self._make, None
            if make is None:
                return
            before = time.thread_time()
            try:
                self._take(make())
            except Exception as error:  # the page stays as it is, and says why
                self.fault = error
            self._spent += time.thread_time() - before

    def run(self) -> None:
        """Make what is put, as far as the time allows."""
        while True:
            with self._new:
                self._new.wait_for(lambda: self._ended or self._make is not None)
                if self._ended:
                    return
            if not self.looked_at.wait(1.0):
                continue
            with self._new:
                self._new.wait_for(lambda: self._ended or self._last, self._to_wait())
                if self._ended:
                    return
            self.renew()

    def _to_wait(self) -> float:
        if not self._share:
            return 0.0
        due = self._since + (self._spent - CREDIT) / self._share
        return max(0.0, due - time.monotonic())

    def _take(self, sections: Sections) -> None:
        shown, last = {}, max((old.version for old in self.shown.values()), default=0)
        version = max(time.time_ns() // 1_000_000, last + 1)  # the clock may be set back
        after = FIRST
        for section in sections:
            message = {"type": "section", "after": after, **payload(section)}
            body, old = json.dumps(message, allow_nan=False)[:-1], self.shown.get(section.id)
            shown[section.id] = old if old and old.body == body else Shown(version, body)
            after = section.id
        self.sections, self.shown, self.fault = list(sections), shown, None


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a history as JSON can say it: NaN and infinity are None."""
    finite = {key: value for key, value in row.items() if abs(value) < float("inf")}
    return dict.fromkeys(row) | finite
