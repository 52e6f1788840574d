"""Stop when validation accuracy does not rise any more."""

from __future__ import annotations

from cnnlite.training.callbacks.callback import Callback
from cnnlite.training.state import TrainingState


class EarlyStopping(Callback):
    """Stop the training when the best validation accuracy is `patience` epochs old.

    All that it needs is in the solver's history, so it remembers nothing: a training that is
    interrupted and resumed stops at the same epoch.

    Args:
        patience: epochs without a better one; at least 1.

    Raises:
        ValueError: patience is below 1.
    """

    def __init__(self, patience: int = 3) -> None:
        if patience < 1:
            raise ValueError(f"EarlyStopping: patience must be at least 1, got {patience}")
        self.patience = patience

    def before_train(self, solver: TrainingState) -> None:
        self._judge(solver)  # a training that was begun without this callback

    def after_epoch(self, solver: TrainingState) -> None:
        self._judge(solver)

    def _judge(self, solver: TrainingState) -> None:
        accuracies = solver.val_acc_history
        if accuracies and len(accuracies) - 1 - accuracies.index(max(accuracies)) >= self.patience:
            solver.stop()
