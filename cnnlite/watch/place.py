"""A section's place in a live page: what it shows, and of what that was made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from cnnlite.report.document import Section
from cnnlite.report.seen import Seen
from cnnlite.watch.budget import Chore

__all__ = ["Place", "Shown"]


class Shown(NamedTuple):
    """A section as pages are sent it: JSON without its end; the version grows with each change."""

    version: int
    section: Section
    body: str

    @property
    def text(self) -> str:
        return f'{self.body}, "version": {self.version}}}'


class _Noted:
    """What is seen, with a note of what was read of it."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self.read: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        self.read[name] = value = getattr(self._seen, name)
        return value


class Place:
    """One place; `made` makes its section anew, and `same` says whether that would change it."""

    def __init__(self, make: Callable[[Seen], Section | None]) -> None:
        self.make = make
        self.chore = Chore()
        self.state = 0  # the number of the state that it shows
        self.shown: Shown | None = None
        self.fault = ""
        self._read: dict[str, Any] | None = None

    def same(self, seen: Seen) -> bool:
        """Return whether all that the section was made of is still there, and nothing else is."""
        return self._read is not None and all(
            getattr(seen, name) is value for name, value in self._read.items()
        )

    def made(self, seen: Seen) -> Section | None:
        noted = _Noted(seen)
        self._read = None
        section = self.make(cast("Seen", noted))
        self._read = noted.read
        return section
