"""Stop when validation accuracy does not rise any more."""

from __future__ import annotations

from cnnlite.checks.numbers import count
from cnnlite.training.callbacks.callback import Callback
from cnnlite.training.state import TrainingState


class EarlyStopping(Callback):
    """Stop the training when the best validation accuracy is `patience` epochs old.

    All that it needs is in the solver's history, so it remembers nothing: a training that is
    interrupted and resumed stops at the same epoch.

    Args:
        patience: epochs without a better one; at least 1.

    Raises:
        TypeError: patience is no integer.
        ValueError: it is below 1.
    """

    def __init__(self, patience: int = 3) -> None:
        self.patience = count("EarlyStopping", "patience", patience)

    def before_train(self, solver: TrainingState) -> None:
        self._judge(solver)  # a training that was begun without this callback

    def after_epoch(self, solver: TrainingState) -> None:
        self._judge(solver)

    def _judge(self, solver: TrainingState) -> None:
        accuracies = solver.val_acc_history
        if accuracies and len(accuracies) - 1 - accuracies.index(max(accuracies)) >= self.patience:
            solver.stop()
