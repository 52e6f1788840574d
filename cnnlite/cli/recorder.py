"""The callback that keeps a run folder up to date: a run that is cut short leaves its results."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnnlite.callbacks import Callback
from cnnlite.cli import runs
from cnnlite.report import history

if TYPE_CHECKING:
    from cnnlite.solver import Solver


class Recorder(Callback):
    """Write history and weights after each epoch.

    Args:
        path: the run folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def after_epoch(self, solver: "Solver") -> None:
        from cnnlite.checkpoint import save_weights

        history.save(solver.history, self.path / runs.HISTORY)
        save_weights(self.path / runs.LAST_WEIGHTS, solver.model.state_dict())
        save_weights(self.path / runs.WEIGHTS, solver.best_params)
