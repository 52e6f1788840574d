"""A training's history as a CSV file: one row an epoch, readable by any spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from cnnlite.data.unpickle import read_regular_file
from cnnlite.files import replace_file

COLUMNS = ("epoch", "step", "lr", "loss", "train_acc", "val_acc", "val_loss", "images_per_second")
_ONCE = tuple(name for name in COLUMNS if name != "val_loss")  # of runs before it was measured
LOSSES = "loss"
"""The heading of a file of the steps' losses."""
_INTEGERS = ("epoch", "step")
_MOST = 128 * 2**20  # bytes of a file: millions of steps
_LARGEST = 2**53  # above it a double, as pages count in, is no exact integer


def save(history: Sequence[Mapping[str, float]], path: str | Path) -> None:
    """Write ``solver.history``; a file that is there is replaced, wholly or not at all.

    Numbers are written so that they come back as the same bits.

    Raises:
        OSError: the file cannot be written.
        ValueError: a row lacks a column, or has another one.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for number, row in enumerate(history):
        if set(row) != set(COLUMNS):
            raise ValueError(f"history: row {number} has {', '.join(row)}, expected {COLUMNS}")
        writer.writerow(row)
    replace_file(Path(path), text.getvalue().encode())


def load(path: str | Path) -> list[dict[str, float]]:
    """Read what `save` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not such a file, or too large; the message names file and line.
    """
    heading, *lines = _lines(path) or [""]
    names = tuple(heading.split(","))
    if names not in (COLUMNS, _ONCE):
        raise ValueError(f"{path}: its first line must be {','.join(COLUMNS)}")
    reader = csv.DictReader(lines, names)
    try:
        return [{key: _number(key, row.get(key, "nan")) for key in COLUMNS} for row in reader]
    except (TypeError, ValueError, csv.Error):
        raise ValueError(
            f"{path}, line {reader.reader.line_num + 1}: expected {len(COLUMNS)} numbers"
        ) from None


def save_losses(losses: Sequence[float], path: str | Path) -> None:
    """Write the loss of each step, a line each; a file that is there is replaced, wholly.

    Raises:
        OSError: the file cannot be written.
    """
    lines = [LOSSES, *map(repr, map(float, losses)), ""]
    replace_file(Path(path), "\n".join(lines).encode())


def load_losses(path: str | Path) -> list[float]:
    """Read what `save_losses` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not such a file, or too large; the message names it.
    """
    heading, *lines = _lines(path) or [""]
    try:
        if heading != LOSSES:
            raise ValueError
        return [float(line) for line in lines]
    except ValueError:
        raise ValueError(f"{path}: expected the line {LOSSES!r}, then a number a line") from None


def _lines(path: str | Path) -> list[str]:
    try:
        return read_regular_file(Path(path), _MOST).decode("utf-8").splitlines()
    except UnicodeError as error:
        raise ValueError(f"{path} is no text in UTF-8: {error}") from None


def _number(column: str, text: str) -> float:
    if column not in _INTEGERS:
        return float(text)
    number = int(text)
    if abs(number) > _LARGEST:
        raise ValueError(f"{column} is too large")
    return number
