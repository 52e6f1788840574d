"""Keep some epochs to be looked at: maps of a few images, filters, statistics of each layer."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.checks.numbers import count
from cnnlite.files import remove_drafts
from cnnlite.training.callbacks.callback import Callback
from cnnlite.training.kept import IMAGES, Kept, epoch_file, kept_files, read_kept, write_kept
from cnnlite.training.kept_sheet import save_sheet
from cnnlite.training.probing import measured, update_ratios
from cnnlite.training.state import TrainingState


class Keep(Callback):
    """Keep what `Kept` says of the network after an epoch, of so many epochs at most.

    When there are more, every second one is deleted; the first and the last always stay.  Weights
    and random numbers are not touched: a training has the same bits with it and without.  Of a
    training with averaged weights the model's own are looked at.  What cannot be measured or
    written is a warning, and nothing more is kept.

    Args:
        path: a folder for the files, which is made; epochs in it that this training does not have
            are deleted.  None keeps them in memory, as the attribute `kept`.
        epochs: how many at most.
        images: probe images, of the validation part, chosen by the solver's seed.
        maps: of a layer.

    Raises:
        ImportError: Pillow is not installed, and there is a path.
        TypeError, ValueError: a number is no integer from 1.
    """

    first_rank_only = True

    def __init__(
        self, path: str | Path | None = None, epochs: int = 20, images: int = 8, maps: int = 16
    ) -> None:
        self.epochs = count("Keep", "epochs", epochs)
        self.images = count("Keep", "images", images)
        self.maps = count("Keep", "maps", maps)
        self._folder = None if path is None else Path(path)
        if self._folder is not None:
            import PIL.Image  # noqa: F401 - before the training, not after its first epoch
        self._memory: dict[int, Kept] = {}
        self._before: dict[str, np.ndarray] | None = None  # parameters before an epoch's last step
        self._ratios: dict[str, float] = {}  # of that step, until the epoch has ended
        self._broken = False

    @property
    def kept(self) -> list[Kept]:
        """The epochs that are kept, the oldest first.

        Raises:
            OSError: a file cannot be read.
        """
        if self._folder is None:
            return list(self._memory.values())
        return [read_kept(path) for path in kept_files(self._folder).values()]

    def before_train(self, solver: TrainingState) -> None:
        self._broken = False
        with self._not_worth_a_training():
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
                for name in (IMAGES, epoch_file(solver.epoch + 1)):
                    remove_drafts(self._folder / name)
                if not solver.epoch:
                    (self._folder / IMAGES).unlink(missing_ok=True)
            self._leave(epoch for epoch in self._there() if epoch <= solver.epoch)

    def before_step(self, solver: TrainingState) -> None:
        if not self._broken and (solver.step + 1) % solver.steps_per_epoch == 0:
            self._before = {key: array.copy() for key, array in solver.model.params.items()}

    def after_step(self, solver: TrainingState) -> None:
        if self._before is not None:
            with self._not_worth_a_training():
                self._ratios = update_ratios(solver.model, self._before)
            self._before = None

    def after_epoch(self, solver: TrainingState) -> None:
        if not self._broken:
            with self._not_worth_a_training():
                kept = measured(solver, self.images, self.maps, self._ratios)
                if self._folder is None:
                    self._memory[kept.epoch] = kept
                else:
                    save_sheet(kept, write_kept(self._folder, kept).with_suffix(".png"))
                self._leave(kept_epochs(kept.epoch, self.epochs))
        self._ratios = {}

    def state_dict(self) -> Mapping[str, Any]:
        return {"ratios": self._ratios} if self._ratios else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._ratios = {str(layer): float(ratio) for layer, ratio in state["ratios"].items()}

    def _there(self) -> list[int]:
        return list(self._memory if self._folder is None else kept_files(self._folder))

    def _leave(self, epochs: Any) -> None:
        """Delete all epochs but these."""
        left = set(epochs)
        for epoch in set(self._there()) - left:
            if self._folder is None:
                del self._memory[epoch]
            else:
                path = kept_files(self._folder)[epoch]
                path.with_suffix(".png").unlink(missing_ok=True)
                path.unlink()

    @contextlib.contextmanager
    def _not_worth_a_training(self) -> Any:
        """Turn an error into a warning, after which nothing more is kept."""
        try:
            yield
        except Exception as error:
            self._broken = True
            warnings.warn(f"Keep: nothing more is kept of this training: {error}", stacklevel=4)


def kept_epochs(epoch: int, most: int) -> list[int]:
    """Return which of the epochs 1 to `epoch` stay: the first, the last and some between, evenly.

    The distance doubles when there are more than `most`, so that each that stays was there before.
    """
    if most == 1:
        return [epoch]
    step = 1
    while len(found := sorted({*range(1, epoch + 1, step), epoch})) > most:
        step *= 2
    return found
