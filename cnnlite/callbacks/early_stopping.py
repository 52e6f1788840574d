"""Stop when validation accuracy does not rise any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlite.callbacks.callback import Callback
from cnnlite.checks.numbers import count

if TYPE_CHECKING:
    from cnnlite.solver import Solver


class EarlyStopping(Callback):
    """Stop the training when the best validation accuracy is `patience` epochs old.

    Args:
        patience: epochs without a better one; at least 1.

    Raises:
        TypeError: patience is no integer.
        ValueError: it is below 1.
    """

    def __init__(self, patience: int = 3) -> None:
        self.patience = count("EarlyStopping", "patience", patience)

    def after_epoch(self, solver: Solver) -> None:
        accuracies = solver.val_acc_history
        best = accuracies.index(max(accuracies))
        if len(accuracies) - 1 - best >= self.patience:
            solver.stop()
