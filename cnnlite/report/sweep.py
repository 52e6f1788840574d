"""The folder of a sweep, read back: what was asked for, and what each trial has come to.

    sweep.toml            the file that the sweep was started with
    sweep.json            what it is made of, versions, machine
    session               the name of the process that works on it; without it, trials stop
    results.csv           one row a trial
    results.parquet       the same, where pyarrow is installed
    trials/0000, ...      a run folder for each trial, with its trial.json
    best.toml             what `cnnlite sweep --best` writes
    report.html           the page of `cnnlite report`
"""  # fmt: skip

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cnnlite.data.unpickle import read_regular_file

__all__ = [
    "ENDED", "RECORD", "TRIAL", "TRIALS", "Sweep", "Trial", "is_sweep", "mean_score", "read_sweep",
    "read_trials", "score", "trial_folder",
]  # fmt: skip

RECORD, TRIALS, TRIAL = "sweep.json", "trials", "trial.json"
MAX_BYTES = 16 * 2**20
ENDED = ("finished", "diverged", "failed")
"""States from which nothing follows; the others are running, paused and stopped."""


@dataclass(frozen=True)
class Trial:
    """A trial as far as it has come.

    Attributes:
        sweep: the sweep's own name.
        number: its place in the sweep.
        options: of `cnnlite train`, with its seed.
        state: "running"; "paused" at a rung or by Ctrl-C; "stopped" by successive halving;
            "finished"; "diverged"; "failed".
        session: who worked on it last.
        values: the metric after each epoch.
        best: the history's row of the epoch with the best validation accuracy.
        test_acc: of the weights of that epoch; None before the trial has finished, or without test
            images.
        seconds: that it was trained for.
        images_per_second: the median of the epochs.
        reason: why it has diverged or failed.
        warnings: what the training warned of.
    """

    sweep: str
    number: int
    options: dict[str, Any]
    state: str = "running"
    session: str = ""
    values: list[float] = field(default_factory=list)
    best: dict[str, float] = field(default_factory=dict)
    test_acc: float | None = None
    seconds: float = 0.0
    images_per_second: float = 0.0
    reason: str = ""
    warnings: list[str] = field(default_factory=list)

    def done(self, epochs: int | None) -> bool:
        """Return whether it has come so far; None asks for its end."""
        return self.state in ENDED or (epochs is not None and len(self.values) >= epochs)

    def to_json(self) -> str:
        """Return the text of its file."""
        return json.dumps(asdict(self), indent=2) + "\n"


@dataclass(frozen=True)
class Sweep:
    """A sweep as a report sees it.

    Attributes:
        path: its folder.
        record: what sweep.json holds: "id", "search", "metric", "over" (the options that differ),
            "log" (those of them that are drawn on a logarithmic scale), "seeds", "rungs", "trials".
        trials: those that have begun, in their order.
    """

    path: Path
    record: dict[str, Any]
    trials: list[Trial]

    @property
    def metric(self) -> str:
        """What trials are judged by."""
        return str(self.record["metric"])

    @property
    def configurations(self) -> list[list[Trial]]:
        """The trials that differ in nothing but their seed, together."""
        groups: dict[str, list[Trial]] = {}
        for trial in self.trials:
            options = {key: value for key, value in trial.options.items() if key != "seed"}
            groups.setdefault(json.dumps(options, sort_keys=True), []).append(trial)
        return list(groups.values())

    def ranked(self) -> list[list[Trial]]:
        """Return the configurations whose trials have all finished, the best mean first."""
        done = [
            (mean, group)
            for group in self.configurations
            if all(trial.state == "finished" for trial in group)
            and len(group) == len(self.record["seeds"])
            and (mean := mean_score(group, self.metric)) is not None
        ]
        return [group for _, group in sorted(done, key=lambda pair: -pair[0])]


def score(values: Sequence[float], metric: str) -> float | None:
    """Return the best value of a metric; None if there is none but NaN."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return None
    return max(known) if metric.endswith("_acc") else min(known)


def mean_score(trials: Sequence[Trial], metric: str, epochs: int | None = None) -> float | None:
    """Return how good a configuration is: the mean over its seeds, higher is better.

    Args:
        trials: one a seed.
        metric: what they are judged by; of losses the negative is returned.
        epochs: count only so many; None counts all.

    Returns:
        The mean; None where a trial has diverged, failed, or has no value.
    """
    if any(trial.state in ("diverged", "failed") for trial in trials):
        return None
    scores = [score(trial.values[:epochs], metric) for trial in trials]
    known = [value for value in scores if value is not None]
    if len(known) < len(scores):
        return None
    return statistics.fmean(known) * (1 if metric.endswith("_acc") else -1)


def is_sweep(path: Path) -> bool:
    """Return whether a folder is that of a sweep."""
    return (path / RECORD).is_file()


def trial_folder(path: Path, number: int) -> Path:
    """Return the run folder of a trial."""
    return path / TRIALS / f"{number:04d}"


def read_sweep(path: Path) -> Sweep:
    """Read a sweep's folder.

    Raises:
        OSError: it is none.
        ValueError: a file is damaged, or of another sweep; the message names it.
    """
    if not is_sweep(path):
        raise FileNotFoundError(f"{path} is not the folder of a sweep: it has no {RECORD}")
    record = _read(path / RECORD)
    kinds = {"id": str, "metric": str, "over": list, "log": list, "seeds": list, "trials": int}
    kinds |= {"rungs": list, "search": str}
    for key, kind in kinds.items():
        if not isinstance(record.get(key), kind):
            raise ValueError(f"{path / RECORD} is damaged: {key} is {record.get(key)!r}")
    return Sweep(path, record, read_trials(path, record["id"]))


def read_trials(path: Path, sweep: str) -> list[Trial]:
    """Read the trials of a sweep that have begun; for errors see `read_sweep`."""
    found = []
    for file in sorted((path / TRIALS).glob(f"*/{TRIAL}")):
        record = _read(file)
        try:
            trial = Trial(**record)
            _check(trial)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{file} is damaged: {error}") from None
        if trial.sweep != sweep:
            raise ValueError(f"{file} is of another sweep than {path / RECORD}")
        if file.parent != trial_folder(path, trial.number):
            raise ValueError(f"{file} is of trial {trial.number}, and not where that belongs")
        found.append(trial)
    return sorted(found, key=lambda trial: trial.number)


def _check(trial: Trial) -> None:
    numbers = [*trial.values, *trial.best.values(), trial.seconds, trial.images_per_second]
    if not all(isinstance(number, int | float) for number in numbers):
        raise ValueError("expected numbers")
    if type(trial.number) is not int or not isinstance(trial.options, dict):
        raise ValueError("expected a number and options")


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(read_regular_file(path, MAX_BYTES))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if not isinstance(record, dict):
        raise ValueError(f"{path} is damaged: it is no table")
    return record
