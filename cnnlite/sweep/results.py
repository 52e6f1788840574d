"""The table of a sweep's results: one row a trial, as CSV, and as Parquet where pyarrow is."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnlite.cli.config import ConfigError
from cnnlite.data.unpickle import read_regular_file
from cnnlite.files import replace_file
from cnnlite.installed import is_installed
from cnnlite.report.sweep import MAX_BYTES, TRIALS, Trial, score

__all__ = ["CSV", "PARQUET", "check", "columns", "row", "write"]

CSV, PARQUET = "results.csv", "results.parquet"
MEASURED = ("train_acc", "val_acc", "val_loss", "loss")
NUMBERS = ("score", *MEASURED, "test_acc", "seconds", "images_per_second")


def columns(over: Sequence[str]) -> list[str]:
    """Return the headings: the options that differ, the seed, and what was measured.

    `val_acc` and what is beside it are those of the epoch with the best validation accuracy;
    `score` is the best value of the sweep's metric.
    """
    options = [name for name in over if name != "seed"]
    after = ("epochs", "score", "best_epoch", *MEASURED, "test_acc", "seconds")
    return ["trial", "state", *options, "seed", *after, "images_per_second", "reason", "run"]


def row(trial: Trial, over: Sequence[str], metric: str) -> dict[str, Any]:
    """Return a trial's row; None where there is nothing yet."""
    best = trial.best
    found: dict[str, Any] = {"trial": trial.number, "state": trial.state}
    found |= {name: trial.options.get(name) for name in (*over, "seed")}
    found |= {"epochs": len(trial.values), "score": score(trial.values, metric)}
    epoch = best.get("epoch")
    found |= {"best_epoch": None if epoch is None else int(epoch)}
    found |= {name: best.get(name) for name in MEASURED}
    found |= {"test_acc": trial.test_acc, "seconds": round(trial.seconds, 3)}
    found |= {"images_per_second": round(trial.images_per_second, 1), "reason": trial.reason}
    return found | {"run": f"{TRIALS}/{trial.number:04d}"}


def write(folder: Path, trials: Sequence[Trial], over: Sequence[str], metric: str) -> None:
    """Write the tables of a sweep's folder; those that are there are replaced, each wholly.

    Raises:
        OSError: a file cannot be written.
    """
    headings = columns(over)
    rows = [row(trial, over, metric) for trial in trials]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, headings, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in one.items()} for one in rows)
    replace_file(folder / CSV, text.getvalue().encode())
    if is_installed("pyarrow"):
        replace_file(folder / PARQUET, _parquet(headings, rows))


def _parquet(headings: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    data = {name: [one[name] for one in rows] for name in headings}
    for name, values in data.items():
        kinds = {type(value) for value in values if value is not None}
        if name in NUMBERS or kinds == {int, float}:
            data[name] = [None if value is None else float(value) for value in values]
        elif len(kinds) > 1 or kinds == {list}:
            data[name] = [None if value is None else _cell(value) for value in values]
    schema = {name: pa.float64() for name in NUMBERS}
    arrays = {name: pa.array(values, schema.get(name)) for name, values in data.items()}
    file = io.BytesIO()
    parquet.write_table(pa.table(arrays), file)
    return file.getvalue()


def check(folder: Path, trials: Sequence[Trial], over: Sequence[str]) -> None:
    """Find out whether the table in a sweep's folder is that sweep's.

    Raises:
        ConfigError: it is of another one, or no such table; the message says where it differs.
        OSError: it cannot be read.
    """
    path = folder / CSV
    if not path.exists():
        return
    try:
        rows = list(csv.reader(io.StringIO(read_regular_file(path, MAX_BYTES).decode("utf-8"))))
    except (ValueError, csv.Error) as error:
        raise ConfigError(f"{path} is no table of results: {error}") from None
    headings = columns(over)
    if not rows or rows[0] != headings:
        there = ", ".join(rows[0]) if rows else "nothing"
        raise ConfigError(
            f"{path} is of another sweep: its columns are {there}, expected {', '.join(headings)}"
        )
    known = {str(trial.number): trial for trial in trials}
    for cells in rows[1:]:
        found = dict(zip(headings, cells, strict=False))
        trial = known.get(found["trial"])
        if trial is None:
            continue
        for name in (*over, "seed"):
            expected = _cell(trial.options.get(name))
            if found.get(name) != expected:
                raise ConfigError(
                    f"{path} is of another sweep: trial {trial.number} has {name} "
                    f"{found.get(name)} there, and {expected} in its run folder"
                )


def _cell(value: Any) -> str:
    """Return a value as the table has it; numbers so that they come back as the same bits."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(value)
    return repr(value) if isinstance(value, float) else str(value)
