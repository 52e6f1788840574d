"""Stop when validation accuracy does not rise any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlite.training.callbacks.callback import Callback

if TYPE_CHECKING:
    from cnnlite.training.solver import Solver


class EarlyStopping(Callback):
    """Stop the training when the best validation accuracy is `patience` epochs old.

    Args:
        patience: epochs without a better one; at least 1.

    Raises:
        ValueError: patience is below 1.
    """

    def __init__(self, patience: int = 3) -> None:
        if patience < 1:
            raise ValueError(f"EarlyStopping: patience must be at least 1, got {patience}")
        self.patience = patience

    def after_epoch(self, solver: Solver) -> None:
        accuracies = solver.val_acc_history
        best = accuracies.index(max(accuracies))
        if len(accuracies) - 1 - best >= self.patience:
            solver.stop()
