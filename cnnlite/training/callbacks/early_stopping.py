"""Stop when the validation accuracy, or the loss, does not get better any more."""

from __future__ import annotations

import math

from cnnlite.checks.numbers import choice, count
from cnnlite.training.callbacks.callback import Callback
from cnnlite.training.callbacks.plateau import WATCHED
from cnnlite.training.state import TrainingState


class EarlyStopping(Callback):
    """Stop the training when the best epoch, of equal ones the first, is `patience` epochs old.

    All that it needs is in the solver's history, so it remembers nothing: a training that is
    interrupted and resumed stops at the same epoch.  A value that is NaN is never the best.

    Args:
        patience: epochs without a better one; at least 1.
        monitor: what is watched: "val_acc", "val_loss", "loss" (of training) or "train_acc".  Of an
            accuracy the highest is the best, of a loss the lowest.

    Raises:
        TypeError: patience is no integer.
        ValueError: it is below 1, or monitor is anything else.
    """

    def __init__(self, patience: int = 3, monitor: str = "val_acc") -> None:
        self.patience = count("EarlyStopping", "patience", patience)
        self.monitor: str = choice("EarlyStopping", "monitor", monitor, WATCHED)

    def before_train(self, solver: TrainingState) -> None:
        self._judge(solver)  # a training that was begun without this callback

    def after_epoch(self, solver: TrainingState) -> None:
        self._judge(solver)

    def _judge(self, solver: TrainingState) -> None:
        sign = 1 if self.monitor.endswith("_acc") else -1
        merits = [sign * row[self.monitor] for row in solver.history]
        merits = [-math.inf if math.isnan(merit) else merit for merit in merits]
        if merits and len(merits) - 1 - merits.index(max(merits)) >= self.patience:
            solver.stop()
