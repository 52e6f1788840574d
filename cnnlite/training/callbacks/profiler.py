"""Where the time of a training goes: some of its steps measured, layer by layer."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnlite.backend import memory_in_use
from cnnlite.checks.numbers import count
from cnnlite.data import batches
from cnnlite.layers.cache_memory import arrays_in
from cnnlite.layers.profiling import (
    EVALUATION,
    PYTHON,
    STEP,
    Profile,
    ProfileRow,
    between,
    rows_of,
    work_of,
)
from cnnlite.layers.stopwatch import Pass, Stopwatch
from cnnlite.rates import Limits, measure_limits
from cnnlite.terminal import Output
from cnnlite.training.callbacks.callback import Callback
from cnnlite.training.callbacks.pace import evaluation_seconds
from cnnlite.training.evaluation import model_dtype

if TYPE_CHECKING:
    from cnnlite.training.state import TrainingState

LOSS, OPTIMIZER = "loss", "optimizer"
WARM = 2  # steps before the measured ones, as far as there are so many


class Profiler(Callback):
    """Measure some steps of a training, show a table of them, and let the training go on.

    The training has the same bits as without it.  The table tells each layer's time, forward and
    backward, and that of the data, the loss, the optimizer, Python, and an evaluation.

    Args:
        steps: how many steps to measure, after a few that are not.
        path: a CSV file that gets the rows, or None.

    Attributes:
        profile: the Profile, once the steps have been taken; None before.

    Raises:
        TypeError, ValueError: steps is no positive integer, or a training cuts its batches.
    """

    first_rank_only = True

    def __init__(self, steps: int = 10, path: str | Path | None = None) -> None:
        self.steps = count("Profiler", "steps", steps)
        self.path = None if path is None else Path(path)
        self.profile: Profile | None = None
        self._measured = _Measured()
        self._watch: Stopwatch | None = None
        self._stack = ExitStack()

    def before_train(self, solver: TrainingState) -> None:
        if solver.shards > 1:
            raise ValueError(
                f"Profiler: it measures whole batches, and shards is {solver.shards}; pass 1"
            )
        self._measured = _Measured()
        left = solver.total_steps - solver.step
        self._warm = max(0, min(WARM, left - self.steps - 1))
        self._seen, self._mark = 0, time.perf_counter()

    def before_epoch(self, solver: TrainingState) -> None:
        self._mark = time.perf_counter()

    def before_step(self, solver: TrainingState) -> None:
        if self.profile is not None or self._seen < self._warm:
            return
        measured = self._measured
        measured.data.append(time.perf_counter() - self._mark)
        self._watch = Stopwatch(solver.model, count=not measured.runs)
        self._stack.enter_context(self._watch)
        measured.others.append(defaultdict(float))
        for name, part, method in (
            (LOSS, solver.loss, "forward"), (LOSS, solver.loss, "backward"),
            (OPTIMIZER, solver.optimizer, "step"),
        ):  # fmt: skip
            if hasattr(part, "__dict__"):  # else its time is Python's
                setattr(part, method, partial(measured.call, name, getattr(part, method)))
                self._stack.callback(delattr, part, method)
        self._in_use, _ = memory_in_use(reset_peak=True)
        self._mark = time.perf_counter()

    def after_step(self, solver: TrainingState) -> None:
        self._seen += 1
        if self._watch is not None:
            measured = self._measured
            measured.walls.append(time.perf_counter() - self._mark)
            measured.peaks.append(memory_in_use()[1] - self._in_use)
            measured.runs.append(self._watch.passes)
            self._end_watch()
            if len(measured.runs) > self.steps:
                self._finish(solver)
        self._mark = time.perf_counter()

    def after_train(self, solver: TrainingState) -> None:
        self._end_watch()  # an exception may have ended the step
        if self.profile is None and self._measured.runs:
            self._finish(solver)

    def _end_watch(self) -> None:
        self._watch = None
        self._stack.close()

    def _finish(self, solver: TrainingState) -> None:
        """Put the table together, show it, and write it."""
        measured, limits = self._measured, measure_limits()
        images = min(solver.batch_size, len(solver.X_train))
        x = batches.gather(
            solver.X_train, np.arange(min(2, images)), solver.normalization,
            model_dtype(solver.model),
        )  # fmt: skip
        rows = rows_of(measured.runs, work_of(solver.model, x, images), limits)
        rows += measured.rows(_moved(solver), limits)
        seconds = evaluation_seconds(solver)
        rows.append(ProfileRow(EVALUATION, "", "after an epoch", 1e3 * seconds))
        steps = max(1, len(measured.runs) - 1)
        peak = max(measured.peaks) if any(measured.peaks) else None
        self.profile = Profile(rows, limits, (images, *x.shape[1:]), steps, peak)
        print(self.profile, file=Output(sys.stdout))
        if self.path is not None:
            self.profile.to_csv(self.path)


@dataclass
class _Measured:
    """What was measured of each step; the first one has counted bytes.

    Attributes:
        runs: the passes of the layers.
        walls: seconds of the whole step, without those of the data before it.
        data: seconds of the data.
        peaks: bytes that the arrays of the step took at once.
        others: seconds of the loss and the optimizer.
    """

    runs: list[list[Pass]] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)
    data: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    others: list[defaultdict[str, float]] = field(default_factory=list)

    def call(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a method of the loss or the optimizer, and note what it takes."""
        start = time.perf_counter()
        try:
            return method(*args, **kwargs)
        finally:
            self.others[-1][name] += time.perf_counter() - start

    def rows(self, moved: int, limits: Limits) -> list[ProfileRow]:
        """Return the rows of what is no layer's; `moved` are the bytes that the optimizer moves."""
        timed = slice(len(self.runs) > 1, len(self.runs))  # without the one that counted
        others = self.others[timed]
        seconds = {name: median(step[name] for step in others) for name in (LOSS, OPTIMIZER)}
        rest = [wall - sum(step.values())
                for wall, step in zip(self.walls[timed], others, strict=True)]  # fmt: skip
        least = limits.seconds(0, moved)
        return [
            ProfileRow(STEP, "", "data", 1e3 * median(self.data[timed])),
            ProfileRow(STEP, "", LOSS, 1e3 * seconds[LOSS]),
            ProfileRow(
                STEP, "", OPTIMIZER, 1e3 * seconds[OPTIMIZER], None, moved / 1e9 or None,
                least / seconds[OPTIMIZER] if moved and seconds[OPTIMIZER] else None,
            ),
            ProfileRow(STEP, "", PYTHON, 1e3 * between(rest, self.runs[timed])),
        ]  # fmt: skip


def _moved(solver: TrainingState) -> int:
    """Return the bytes that an optimizer reads or writes: both of parameters and of its state."""
    params = sum(array.nbytes for array in solver.model.params.values())
    state = sum(array.nbytes for array in arrays_in(solver.optimizer.state))
    return 3 * params + 2 * state
