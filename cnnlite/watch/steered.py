"""A training of this process as its page sees it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnlite.report.answers import Answers, ask
from cnnlite.report.events import sentences
from cnnlite.report.seen import Seen
from cnnlite.training.callbacks import Keep
from cnnlite.training.state import TrainingState
from cnnlite.watch.board import Board, plain
from cnnlite.watch.budget import Budget
from cnnlite.watch.commands import Command, obey

__all__ = ["Steered"]

SHARE = 0.004
"""The part of the training's time that may go into asking its network, while someone looks."""
CREDIT = 0.5
"""Seconds of it that may be used at once."""
MOST_ASKED = 500
"""Validation images that the network is asked of after an epoch."""


class Steered:
    """What a page is told of a training, and what it may do to it.

    All but `show` is called from the server's threads, and reads only what never is half changed:
    numbers, and lists that grow.

    Args:
        solver: the training.
        title: of the page.

    Attributes:
        ended: how the training ended; None while it goes on.
    """

    def __init__(self, solver: TrainingState, title: str) -> None:
        self.title, self.board = title, Board()
        self.ended: str | None = None
        self._solver = solver
        self._first = Seen.from_solver(solver, title)
        self._answers: Answers | None = self._first.answers
        self._budget = Budget(SHARE, CREDIT, time.perf_counter)

    def show(self, kept: Keep, last: bool = False) -> None:
        """Put the training as it is now on the page; called between two steps.

        Args:
            kept: what keeps its epochs.
            last: whether nothing will follow.
        """
        solver = self._solver
        asked = self._answers is not None and self.board.looked_at.is_set()
        if asked and (last or not self._budget.wait):
            with self._budget.spending():
                X, y, scale = solver.X_val, solver.y_val, solver.normalization
                self._answers = ask(solver.model, X, y, "val", scale, most=MOST_ASKED)
        history, losses = list(solver.history), list(solver.loss_history)
        answers, by_hand = self._answers, sentences(solver.events)

        def see() -> Seen:
            return replace(
                self._first,
                history=history,
                losses=losses,
                answers=answers,
                kept=kept.kept,
                by_hand=by_hand,
            )

        self.board.put(see, last)

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
        try:
            return _finite([self._solver.lr])
        except Exception:  # a schedule of one's own may raise anything after the last step
            return None


def _finite(values: Sequence[float]) -> float | None:
    """Return the last value, if JSON can say it."""
    return values[-1] if values and math.isfinite(values[-1]) else None
