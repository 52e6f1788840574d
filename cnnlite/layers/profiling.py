"""Where the time of a network goes, and how near each layer is to what the machine can do."""

from __future__ import annotations

import copy
import csv
import io
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Protocol

import numpy as np

from cnnlite import html
from cnnlite.backend import backend_name, memory_in_use
from cnnlite.checks.arrays import check_floats
from cnnlite.checks.numbers import count, flag, shown
from cnnlite.files import replace_file
from cnnlite.layers.stopwatch import BACKWARD, FORWARD, Pass, Stopwatch
from cnnlite.layers.trace import Ran, run_noting
from cnnlite.random import Rng
from cnnlite.rates import Limits, measure_limits
from cnnlite.terminal import table, width_of

__all__ = [
    "EVALUATION", "PYTHON", "Profile", "ProfileRow", "STEP", "between", "profile", "rows_of",
    "work_of",
]  # fmt: skip

STEP, EVALUATION = "step", "evaluation"
PYTHON = "Python, between the layers"
NUMBERS = ("ms", "share", "GFLOP/s", "GB", "of limit", "cache MB")
HEADINGS = ("pass", "layer", "what runs", *NUMBERS)
LABEL_WIDTH, SHORTEST = 48, 16  # characters of what runs
DROP = ("cache MB", "GB", "pass", "share", "GFLOP/s")


class Network(Protocol):
    """What is asked of a layer here; `Layer`, whose method calls this, is above."""

    params: Any
    buffers: Any

    def forward(self, x: np.ndarray, train: bool, rng: Any) -> tuple[np.ndarray, Any]: ...
    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool) -> tuple[Any, Any]: ...
    def children(self) -> Mapping[str, Any]: ...


class ProfileRow(NamedTuple):
    """What one pass of a layer, or of layers that run as one, took.

    Attributes:
        direction: "forward", "backward" or "recompute" (of what forward did not keep); "step" for
            what a training step does besides, and "evaluation" for that after an epoch.
        path: the layer's name in the network, dotted, and the names of those that run with it.
        layer: the layers themselves; or what the step does.
        ms: milliseconds, the median of the steps.
        gflops: GFLOP/s, by the multiplications of the definition; None where it has none.
        gb: GB of the arrays that are read or written, each counted once; None where unknown.
        limit: the share of the limit that is reached: the least time that arithmetic or memory
            allow, divided by the time. Above 1 where an algorithm does with fewer multiplications
            (Winograd) or arrays stay in the processor's cache. None where nothing is counted.
        cache_bytes: memory that is kept until backward, as far as no row above keeps it.
    """

    direction: str
    path: str
    layer: str
    ms: float
    gflops: float | None = None
    gb: float | None = None
    limit: float | None = None
    cache_bytes: int = 0


@dataclass(frozen=True)
class Profile:
    """What a step of a network took; printing it gives a table.

    Attributes:
        rows: a ProfileRow for each pass, in the order in which they ran.
        limits: what this machine can do at most, measured in the same call.
        input_shape: of the batch.
        steps: how many the times are medians of.
        peak_bytes: the most memory that the arrays of a step took at once; None where unknown (the
            reference backend).
    """

    rows: list[ProfileRow]
    limits: Limits
    input_shape: tuple[int, ...]
    steps: int
    peak_bytes: int | None = None

    @property
    def ms(self) -> float:
        """Milliseconds of a step, without what is no part of it."""
        return sum(row.ms for row in self.rows if row.direction != EVALUATION)

    @property
    def cache_bytes(self) -> int:
        """All memory that is kept between forward and backward."""
        return sum(row.cache_bytes for row in self.rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [row._asdict() for row in self.rows]

    def to_csv(self, path: str | Path | None = None) -> str | None:
        """Write the rows into a CSV file, whole or not at all; without a path return the text."""
        out = io.StringIO()
        writer = csv.DictWriter(out, ProfileRow._fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.to_dicts())
        if path is None:
            return out.getvalue()
        replace_file(Path(path), out.getvalue().encode())
        return None

    def __str__(self) -> str:
        lines = [self._title(), table(HEADINGS, self._cells(), NUMBERS, DROP, width_of(sys.stdout))]
        return "\n".join([*lines, *self._below()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the table for a notebook, in which no column is left out."""
        cells, below = self._cells(), html.escape("\n".join(self._below())).replace("\n", "<br>")
        shown = html.table(HEADINGS, cells, NUMBERS, self._title(), strong=[len(cells) - 1])
        return f"{shown}<p>{below}</p>"

    def _title(self) -> str:
        return f"input {self.input_shape}, median of {self.steps} steps"

    def _cells(self) -> list[tuple[str, ...]]:
        whole = self.ms or 1.0
        cells = [
            (
                row.direction, row.path, _short(row.layer), f"{row.ms:.3f}",
                "" if row.direction == EVALUATION else f"{row.ms / whole:.1%}",
                _told(row.gflops, ".1f"), _told(row.gb, ".4f"), _told(row.limit, ".0%"),
                f"{row.cache_bytes / 1e6:.2f}" if row.cache_bytes else "",
            )
            for row in self.rows
        ]  # fmt: skip
        cache = f"{self.cache_bytes / 1e6:.2f}"
        return [*cells, ("total", "", "", f"{self.ms:.3f}", "100.0%", "", "", "", cache)]

    def _below(self) -> list[str]:
        limits, peak = self.limits, ""
        if self.peak_bytes is not None:
            peak = f"; at most {self.peak_bytes / 1e6:.1f} MB at once"
        sums = []
        for direction in dict.fromkeys(row.direction for row in self.rows):
            ms = sum(row.ms for row in self.rows if row.direction == direction)
            share = "" if direction == EVALUATION else f" ({ms / (self.ms or 1):.0%})"
            sums.append(f"{direction} {ms:.1f} ms{share}")
        return [
            ", ".join(sums),
            f"limits: {limits.gflops:.0f} GFLOP/s (NumPy's sgemm), {limits.gbytes:.1f} GB/s, "
            f"{limits.threads} thread{'s'[: limits.threads > 1]}{peak}",
        ]


def profile(
    model: Network,
    x: np.ndarray,
    steps: int = 5,
    train: bool = True,
    need_dx: bool = False,
    limits: Limits | None = None,
) -> Profile:
    """Time a copy of a network, layer by layer; what `Layer.profile` says."""
    caller = f"{type(model).__name__}.profile"
    check_floats(caller, x=x)
    if not (x.ndim and x.size):
        raise ValueError(f"{caller}: x has shape {x.shape}, expected a batch of at least one")
    steps = count(caller, "steps", steps)
    train, need_dx = flag(caller, "train", train), flag(caller, "need_dx", need_dx)
    if not isinstance(limits, Limits | None):
        raise TypeError(f"{caller}: limits is {shown(limits)}, expected Limits or None")
    model = copy.deepcopy(model)
    runs, walls, peaks = [], [], []
    for number in range(steps + 1):  # the first one counts, and wakes threads
        with Stopwatch(model, count=number == 0) as watch:
            before, _ = memory_in_use(reset_peak=True)
            start = time.perf_counter()
            y, cache = model.forward(x, train, Rng(0))
            walls.append(time.perf_counter() - start)
            if train:
                dy = Rng(1).generator().standard_normal(y.shape).astype(y.dtype)
                start = time.perf_counter()
                model.backward(dy, cache, need_dx)
                walls[-1] += time.perf_counter() - start
            peaks.append(memory_in_use()[1] - before)
            del y, cache
        runs.append(watch.passes)
    limits = measure_limits() if limits is None else limits
    rows = rows_of(runs, work_of(model, x[:2], len(x)), limits)
    rows.append(ProfileRow(STEP, "", PYTHON, 1e3 * between(walls[1:], runs[1:])))
    peak = max(peaks[1:]) if backend_name == "compiled" else None
    return Profile(rows, limits, x.shape, steps, peak)


def work_of(model: Network, x: np.ndarray, images: int) -> dict[str, int]:
    """Return the floating-point operations of each layer's forward, by its name in the network.

    Args:
        model: it stays as it is: a copy runs, layer by layer.
        x: a few images; batch-norm may need two.
        images: how many are meant.
    """
    found = {}

    def note(ran: Ran) -> None:
        multiply_adds = ran.layer.multiply_adds(ran.x.shape, ran.y.shape)
        found[ran.path] = 2 * multiply_adds * images // len(x)

    run_noting(copy.deepcopy(model), x, note)
    return found


def rows_of(
    runs: Sequence[Sequence[Pass]], work: Mapping[str, int], limits: Limits
) -> list[ProfileRow]:
    """Return a row for each pass of a step.

    Args:
        runs: the passes of several steps; the first one has counted bytes, and its times count only
            if there are no others.
        work: the floating-point operations of each layer's forward.
        limits: of the machine.
    """
    counted, *timed = runs
    places = [(step.direction, step.paths) for step in counted]
    alike = [run for run in timed if [(p.direction, p.paths) for p in run] == places] or [counted]
    rows = []
    for ran, *times in zip(counted, *alike, strict=True):
        seconds = median(step.seconds for step in times)
        flops = work.get(ran.paths[0], 0) * _products(ran)
        least = limits.seconds(flops, ran.nbytes)
        rows.append(ProfileRow(
            ran.direction, ", ".join(ran.paths), _names(ran.layers), 1e3 * seconds,
            flops / seconds / 1e9 if flops and seconds else None, ran.nbytes / 1e9 or None,
            least / seconds if least and seconds else None, ran.cache_bytes,
        ))  # fmt: skip
    return rows


def between(walls: Sequence[float], runs: Sequence[Sequence[Pass]]) -> float:
    """Return the seconds of a step in which no layer ran: the median of wall-clock times less."""
    return median(
        wall - sum(step.seconds for step in run) for wall, run in zip(walls, runs, strict=True)
    )


def _products(ran: Pass) -> int:
    """How many times the forward pass's arithmetic a pass does."""
    if ran.direction == BACKWARD:
        return bool(ran.layers[0].params) + ran.need_dx
    return int(ran.direction == FORWARD)


def _names(layers: Sequence[Any]) -> str:
    first = type(layers[0]).__name__ if layers[0].children() else repr(layers[0])
    return " + ".join([first, *(type(layer).__name__ for layer in layers[1:])])


def _short(names: str) -> str:
    """Cut the arguments of the first layer, so that a table stays narrow."""
    first, *others = names.split(" + ")
    rest = "".join(f" + {name}" for name in others)
    room = LABEL_WIDTH - len(rest)
    return (first if len(first) <= room else f"{first[: max(room - 3, SHORTEST)]}...") + rest


def _told(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
