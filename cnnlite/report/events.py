"""What was done by hand while a training went on, as a file: one JSON object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnlite.data.unpickle import read_regular_file
from cnnlite.files import replace_file

__all__ = ["COLUMNS", "load", "save", "sentences"]

COLUMNS = ("step", "time", "what", "old", "new")
KINDS = ("lr", "pause", "step", "resume", "stop", "back")
MOST = 16 * 2**20  # bytes


def save(events: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Write ``solver.events``; a file that is there is replaced, wholly or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    lines = (json.dumps({key: row[key] for key in COLUMNS}) + "\n" for row in events)
    replace_file(Path(path), "".join(lines).encode())


def load(path: str | Path) -> list[dict[str, Any]]:
    """Read what `save` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not such a file; the message names file and line.
    """
    lines = read_regular_file(Path(path), MOST).splitlines()
    return [_row(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def sentences(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say of a training whose learning rate was changed by hand what was changed; else nothing.

    Its configuration and seed alone do not give its weights.
    """
    changed = [row for row in events if row["what"] == "lr"]
    if not changed:
        return []
    steps = ", ".join(
        f"{row['old']:.4g} to {row['new']:.4g} after step {row['step']}" for row in changed
    )
    found = [
        f"The learning rate was changed by hand: {steps}. Configuration and seed alone do not give "
        "these weights."
    ]
    found += [
        f"Then the training diverged, and was taken back to step {row['new']}, with the rate of "
        "that step."
        for row in events[events.index(changed[0]) :]
        if row["what"] == "back"
    ]
    return found


def _row(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        if sorted(row) != sorted(COLUMNS) or row["what"] not in KINDS:
            raise ValueError("another kind of row")
        changed = row["what"] in ("lr", "back")
        numbers = [row["step"]] + [row["old"], row["new"]] * changed
        if not all(type(x) in (int, float) and math.isfinite(x) for x in numbers):
            raise ValueError("no number")
        if not changed and (row["old"], row["new"]) != (None, None):
            raise ValueError("nothing was changed")
        return {**row, "time": str(row["time"])}
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise ValueError(f"{place}: expected one of {', '.join(KINDS)}, by hand") from None
