"""The callback that keeps a run folder up to date: a run that is cut short leaves its results."""

from pathlib import Path

from cnnlite.cli import runs
from cnnlite.cli.config import TrainConfig
from cnnlite.report import events, history
from cnnlite.training.callbacks import Callback
from cnnlite.training.checkpoint import save_weights
from cnnlite.training.state import TrainingState


class Recorder(Callback):
    """Write the configuration before the first step, history and weights after each epoch.

    Args:
        path: the run folder.
        config: what the training is made of. A run that is resumed with other options keeps them.
    """

    first_rank_only = True

    def __init__(self, path: Path, config: TrainConfig | None = None) -> None:
        self.path = path
        self._config = config

    def before_train(self, solver: TrainingState) -> None:
        if self._config is not None:
            if not self._config.smoke and self._config.epochs < solver.epoch:
                raise ValueError(
                    f"--epochs is {self._config.epochs}, but {self.path} has {solver.epoch} epochs"
                )
            runs.write_config(self.path, self._config)
        if solver.events or (self.path / runs.EVENTS).exists():
            self._write_events(solver)

    def after_epoch(self, solver: TrainingState) -> None:
        self._write(solver)
        save_weights(self.path / runs.WEIGHTS, solver.best_params)

    def after_change(self, solver: TrainingState) -> None:
        self._write_events(solver)

    def after_train(self, solver: TrainingState) -> None:
        self._write(solver)  # a run that was cut short leaves what it has come to

    def _write_events(self, solver: TrainingState) -> None:
        events.save(solver.events, self.path / runs.EVENTS)

    def _write(self, solver: TrainingState) -> None:
        history.save(solver.history, self.path / runs.HISTORY)
        history.save_losses(solver.loss_history, self.path / runs.LOSSES)
        save_weights(self.path / runs.LAST_WEIGHTS, solver.model.state_dict())
