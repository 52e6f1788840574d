"""A training of this process as its page sees it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnnlite.report.answers import ask
from cnnlite.report.events import sentences
from cnnlite.report.seen import Seen
from cnnlite.training.callbacks import Keep
from cnnlite.training.state import TrainingState
from cnnlite.watch.board import Board, plain
from cnnlite.watch.budget import Chore
from cnnlite.watch.commands import Command, obey

__all__ = ["Steered"]

SHARE = 0.002
"""The part of the training's time that may go into asking its network, while someone looks."""
MOST_ASKED = 500
"""Validation images that the network is asked of after an epoch."""


class Steered:
    """What a page is told of a training, and what it may do to it.

    All but `show` is called from the server's threads, and reads only what never is half changed:
    numbers, and lists that grow.

    Args:
        solver: the training.
        title: of the page.
        classes: their names; their numbers, if left out.
        run: the run folder, of which the configuration is shown; None for none.

    Attributes:
        ended: how the training ended; None while it goes on.
    """

    def __init__(
        self,
        solver: TrainingState,
        title: str,
        classes: Sequence[str] = (),
        run: Path | None = None,
    ) -> None:
        self.title, self.board = title, Board()
        self.ended: str | None = None
        self._solver = solver
        self._asking = Chore()
        seen = self._first_look(classes)
        if run is not None:
            seen = _as_recorded(seen, run)
        self._seen = seen

    def show(self, kept: Keep, last: bool = False) -> None:
        """Put the training as it is now on the page; called between two steps.

        Args:
            kept: what keeps its epochs.
            last: whether nothing will follow.
        """
        solver = self._solver
        due = last or self._asking.due(SHARE) <= time.monotonic()
        if due and self.board.looked_at and self._seen.model is not None:
            with self._asking.timed():
                self._seen = self._asked(self._seen)
        self._seen = seen = replace(
            self._seen,
            history=list(solver.history),
            losses=list(solver.loss_history),
            by_hand=sentences(solver.events),
        )
        self.board.put(lambda: replace(seen, kept=kept.kept), last)

    def _asked(self, seen: Seen) -> Seen:
        """Return what is seen with the network as it is now, and what that says of images."""
        solver = self._solver
        if solver.y_val.ndim == 1 and len(solver.y_val):
            X, y, scale = solver.X_val, solver.y_val, solver.normalization
            seen = replace(seen, answers=ask(solver.model, X, y, "val", scale, most=MOST_ASKED))
        return replace(seen, model=copy.deepcopy(solver.model))

    def _first_look(self, classes: Sequence[str]) -> Seen:
        """Return what there is to see before the first step, with a copy of the network.

        What is no classifier, or has layers that cannot be copied, is trained all the same.
        """
        solver, title = self._solver, self.title
        try:
            seen = Seen.from_solver(solver, title, classes=classes, most=0)
            with self._asking.timed():
                return self._asked(seen)
        except Exception as error:
            reason = f"The network cannot be looked into: {type(error).__name__}: {error}"
            blind = Seen.from_solver(solver, title, classes=classes, inside=False)
            return replace(blind, notes=[reason])

    def state(self) -> dict[str, Any]:
        solver = self._solver
        control = solver.control
        return {
            "ended": self.ended,
            "steering": True,
            "note": "",
            "paused": control.paused,
            "stopping": control.stopping,
            "refusal": control.refusal,
            "epoch": solver.epoch,
            "epochs": solver.num_epochs,
            "step": solver.step,
            "steps": solver.total_steps,
            "batch_size": solver.batch_size,
            "loss": _finite(solver.loss_history[-1:]),
            "lr": self._rate(),
            "clock": control.clock(),
        }

    def rows(self, start: int) -> list[dict[str, Any]]:
        return [plain(row) for row in self._solver.history[start:]]

    def losses(self, start: int) -> list[float]:
        return self._solver.loss_history[start:]

    def events(self, start: int) -> list[dict[str, Any]]:
        return self._solver.events[start:]

    def obey(self, command: Command) -> None:
        if self.ended is not None:
            raise ValueError("the training has ended")
        obey(self._solver.control, command)

    def _rate(self) -> float | None:
        history = self._solver.history
        if self.ended is not None and history:
            return _finite([history[-1]["lr"]])  # no next step has another
        try:
            return _finite([self._solver.lr])
        except Exception:  # a schedule of one's own may raise anything after the last step
            return None


def _as_recorded(seen: Seen, run: Path) -> Seen:
    """Return what is seen, with the configuration and the classes that a run folder records."""
    recorded = Seen.from_run(run)
    config = {**seen.config, **{key: x for key, x in recorded.config.items() if x}}
    return replace(seen, config=config, classes=recorded.classes or seen.classes)


def _finite(values: Sequence[float]) -> float | None:
    """Return the last value, if JSON can say it."""
    return values[-1] if values and math.isfinite(values[-1]) else None
