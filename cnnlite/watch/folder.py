"""A run folder as its page sees it: looked at only, whoever trains into it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnnlite.report import events, history
from cnnlite.report.run_files import EVENTS, HISTORY, KEPT, LOSSES
from cnnlite.report.seen import Seen
from cnnlite.watch.board import Board, plain
from cnnlite.watch.commands import Command

__all__ = ["Folder"]

NOTE = (
    "Looked at only. A training can be steered from its page if it was started with "
    "cnnlite train --watch"
)
COMPLETE = "All epochs are done. This page follows the folder, in case it is trained on"


SHARE = 0.5
"""The part of all time that may go into sections, of a process that any other goes before."""


class Folder:
    """What a page is told of a run folder; call `look` now and then.

    Args:
        path: the run folder.
        see: reads all that there is to see of it.

    Attributes:
        ended: None; a folder's training may always go on.
    """

    def __init__(self, path: Path, see: Callable[[], Seen]) -> None:
        self.title, self.board = path.resolve().name, Board(SHARE)
        self.ended: str | None = None
        self._path, self._see = path, see
        self._times: list[int] = []
        self._rows: list[dict[str, float]] = []
        self._losses: list[float] = []
        self._events: list[dict[str, Any]] = []
        self._epochs = self._batch = 0
        self._changed = 0.0

    def look(self) -> bool:
        """Read what has changed; return whether anything has."""
        names = (HISTORY, LOSSES, EVENTS, KEPT)
        times = [_changed(self._path / name) for name in names]
        if times == self._times:
            return False
        self._times, self._changed = times, time.monotonic()
        self._rows = _read(history.load, self._path / HISTORY, self._rows)
        self._losses = _read(history.load_losses, self._path / LOSSES, self._losses)
        self._events = _read(events.load, self._path / EVENTS, self._events)
        self.board.put(self._seen)
        return True

    def state(self) -> dict[str, Any]:
        rows, step = self._rows, len(self._losses)
        per_epoch = int(rows[0]["step"]) if rows else 0
        epochs = max(self._epochs, len(rows))
        return {
            "ended": self.ended,
            "steering": False,
            "note": COMPLETE if 0 < self._epochs <= len(rows) else NOTE,
            "paused": False,
            "stopping": False,
            "refusal": "",
            "epoch": len(rows),
            "epochs": epochs,
            "step": step,
            "steps": max(step, epochs * per_epoch),
            "batch_size": self._batch,
            "loss": plain({"loss": self._losses[-1]})["loss"] if step else None,
            "lr": plain(rows[-1])["lr"] if rows else None,
            "clock": self._changed,
        }

    def rows(self, start: int) -> list[dict[str, Any]]:
        return [plain(row) for row in self._rows[start:]]

    def losses(self, start: int) -> list[float | None]:
        return [loss if math.isfinite(loss) else None for loss in self._losses[start:]]

    def events(self, start: int) -> list[dict[str, Any]]:
        return self._events[start:]

    def obey(self, command: Command) -> None:
        raise ValueError("this page looks at a folder, and cannot steer its training")

    def _seen(self) -> Seen:
        seen = self._see()
        options = seen.config.get("options", {})
        self._epochs, self._batch = (_count(options.get(name)) for name in ("epochs", "batch_size"))
        return seen


def _count(value: object) -> int:
    return value if type(value) is int and value > 0 else 0


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _read(load: Callable[[Path], Any], path: Path, otherwise: Any) -> Any:
    """Return what a file holds; what it held before, where it cannot be read."""
    try:
        return load(path)
    except (OSError, ValueError):
        return otherwise
