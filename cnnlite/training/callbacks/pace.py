"""How fast a training is, and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cnnlite.training.evaluation import scores_of_batches

if TYPE_CHECKING:
    from cnnlite.training.state import TrainingState


class Pace:
    """The seconds of a training's steps and evaluations.

    Args:
        clock: gives the time in seconds, as a `Control`'s, which stands still in pauses; None: the
            system's.

    Attributes:
        seconds: of all steps so far.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or time.perf_counter
        self.seconds = 0.0
        self._steps = 0
        self._first = 0.0  # the first step allocates its memory, and is slower than the others
        self._evaluation: float | None = None  # the last one; None before it
        self._mark = self._clock()

    def epoch_begins(self) -> None:
        """Note that steps follow."""
        self._mark = self._clock()

    def step_ended(self) -> None:
        """Note that a step has ended."""
        taken = self._taken()
        self.seconds += taken
        self._first = self._first or taken
        self._steps += 1

    def epoch_ended(self) -> None:
        """Note that the evaluation after an epoch has ended."""
        self._evaluation = self._taken()

    @property
    def step(self) -> float:
        """Seconds of a step: the mean of all but the first."""
        if self._steps < 2:
            return self.seconds
        return (self.seconds - self._first) / (self._steps - 1)

    def left(self, solver: TrainingState) -> float:
        """Return the seconds that the rest of the training will take, its evaluations included.

        Before the first evaluation one batch of the validation images is scored, once, to know.
        """
        if self._evaluation is None:
            started = time.perf_counter()
            self._evaluation = evaluation_seconds(solver)
            self._mark += time.perf_counter() - started  # it is no part of the next step
        steps, epochs = solver.total_steps - solver.step, solver.num_epochs - solver.epoch
        return steps * self.step + epochs * self._evaluation

    def _taken(self) -> float:
        before, self._mark = self._mark, self._clock()
        return self._mark - before


def evaluation_seconds(solver: TrainingState) -> float:
    """Return what an evaluation will take, from the time of one batch; nothing is changed."""
    started = time.perf_counter()
    scored = scores_of_batches(solver.model, solver.X_val, solver.normalization, solver.batch_size)
    where, _ = next(scored)
    seconds = time.perf_counter() - started
    samples = (
        (solver.num_train_samples, solver.X_train), (solver.num_val_samples, solver.X_val)
    )  # fmt: skip
    images = sum(min(len(X), number or len(X)) for number, X in samples)
    return seconds * images / len(where)
