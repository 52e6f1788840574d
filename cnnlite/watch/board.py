"""What a live page shows at the moment: sections made anew when there is something new to see."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from cnnlite.report.document import Section, payload
from cnnlite.report.sections import SECTIONS
from cnnlite.report.sections.curves import curves
from cnnlite.report.seen import Seen
from cnnlite.watch.budget import Chore
from cnnlite.watch.place import Place, Shown

__all__ = ["FIRST", "Board", "plain"]

SHARE = 0.01
"""The part of all time that may go into sections."""
FIRST_SHARE = 0.5
"""The part of that which the first of them has for itself, so that it comes at once."""
FIRST = "live"
"""The section that is always there, above those that are made."""
MADE = tuple(sorted(SECTIONS, key=lambda make: make is not curves))
"""Makes the others, in their order: what moves most is beside the buttons."""


class Board(threading.Thread):
    """Makes sections, in a thread of its own, so that neither training nor server waits for it.

    Only the newest of what is given to `put` counts, and nothing is made while nobody looks, or of
    what has not changed.  A section rests after it was made: the first for as long as it takes to
    keep its share of the time, and the others so that together they keep theirs, and those that
    are quickly made come more often.  The last state of all is made at once.

    Args:
        share: see SHARE.
    """

    def __init__(self, share: float = SHARE) -> None:
        super().__init__(name="cnnlite live page: sections", daemon=True)
        self._share = share
        self._places = [Place(make) for make in MADE]
        self._see: Callable[[], Seen] | None = None
        self._state = 0  # the number of the newest state
        self._seen: tuple[int, Seen] | None = None  # one that was read, with its number
        self._reading = Chore()
        self._changed = threading.Condition()
        self._making = threading.Lock()
        self._looked_at = self._last = self._ended = False

    @property
    def looked_at(self) -> bool:
        """Whether a page is open, or about to be."""
        return self._looked_at

    @looked_at.setter
    def looked_at(self, value: bool) -> None:
        with self._changed:
            self._looked_at = value
            self._changed.notify_all()

    @property
    def shown(self) -> list[Shown]:
        """The sections that there are, in their order."""
        return [shown for place in self._places if (shown := place.shown) is not None]

    @property
    def faults(self) -> dict[int, str]:
        """What went wrong with a section, by its place."""
        return {number: place.fault for number, place in enumerate(self._places) if place.fault}

    @property
    def quiet(self) -> bool:
        """Whether all sections show the newest state."""
        return all(place.state == self._state for place in self._places)

    def put(self, see: Callable[[], Seen], last: bool = False) -> None:
        """Show what `see` gives, as soon as that may be, the last of all at once; does not wait."""
        with self._changed:
            self._see, self._last = see, last
            self._state += 1
            self._changed.notify_all()

    def end(self) -> None:
        """End the thread."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def renew(self) -> None:
        """Make all sections of what is newest, in the caller's thread, whose page waits for it."""
        for number in range(len(self._places)):
            self._make(number, rests=False)

    def run(self) -> None:
        """Make what is put, as far as the time allows."""
        while True:
            with self._changed:
                while (number := self._due()) is None and not self._ended:
                    self._changed.wait(self._until_due())
                if number is None or self._ended:
                    return
            self._make(number)

    def _when(self) -> dict[int, float]:
        """Return when the sections may be made that do not show the newest state."""
        if not self._looked_at:
            return {}
        read = self._seen is not None and self._seen[0] == self._state
        earliest = 0.0 if self._last or read else self._reading.due(self._share)
        return {
            number: 0.0 if self._last else max(earliest, place.chore.due(share))
            for number, (place, share) in enumerate(zip(self._places, self._shares(), strict=True))
            if place.state != self._state
        }

    def _shares(self) -> list[float]:
        """Return the share of each section: with those of the others these are the least late.

        A section of cost c is made once in c / share seconds.  Where the shares' sum is given, the
        sum of these times is the least if shares are as the square roots of the costs.
        """
        others = [math.sqrt(max(place.chore.cost, 1e-6)) for place in self._places[1:]]
        rest = self._share * (1 - FIRST_SHARE) / sum(others)
        return [self._share * FIRST_SHARE, *(rest * root for root in others)]

    def _due(self) -> int | None:
        """Return the number of the section to be made now."""
        now = time.monotonic()
        return next((number for number, when in self._when().items() if when <= now), None)

    def _until_due(self) -> float | None:
        when = self._when().values()
        return max(0.0, min(when) - time.monotonic()) if when else None

    def _make(self, number: int, rests: bool = True) -> None:
        """Let a section show the newest state."""
        with self._making:
            place, state, see = self._places[number], self._state, self._see
            if place.state == state or see is None:
                return
            try:
                if self._seen is None or self._seen[0] != state:
                    with self._reading.timed(rests):
                        self._seen = state, see()
                seen = self._seen[1]
                if not place.same(seen):
                    with place.chore.timed(rests):
                        self._take(number, place.made(seen))
                place.fault = ""
            except Exception as error:  # the others are shown all the same
                place.fault = f"{type(error).__name__}: {error}"
            place.state = state

    def _take(self, number: int, section: Section | None) -> None:
        place = self._places[number]
        if section is None:
            place.shown = None
            return
        before = [other.shown.section.id for other in self._places[:number] if other.shown]
        message = {"type": "section", "after": (before or [FIRST])[-1], **payload(section)}
        body = json.dumps(message, allow_nan=False)[:-1]
        if place.shown is None or place.shown.body != body:
            last = max((shown.version for shown in self.shown), default=0)
            version = max(time.time_ns() // 1_000_000, last + 1)  # the clock may be set back
            place.shown = Shown(version, section, body)


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a history as JSON can say it: NaN and infinity are None."""
    finite = {key: value for key, value in row.items() if abs(value) < float("inf")}
    return dict.fromkeys(row) | finite
