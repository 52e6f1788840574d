"""Lower the learning rate when the validation loss does not fall any more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cnnlite.checks.numbers import choice, integer, real
from cnnlite.training.callbacks.callback import Callback
from cnnlite.training.state import TrainingState

WATCHED = ("val_loss", "loss", "val_acc", "train_acc")


class ReduceLROnPlateau(Callback):
    """Multiply the learning rate by `factor` after `patience` epochs without a better one.

    What it remembers is in the checkpoint, as is the optimizer's rate: a training that is
    interrupted and resumed continues to the same bits.  A schedule, if there is one, multiplies
    what this callback leaves; groups keep their proportion.

    Args:
        mode: "min", or "max" where what is watched should rise.
        factor: above 0 and below 1.
        patience: epochs without a better one that are let pass; the next one counts.
        threshold: how much better counts.
        threshold_mode: "rel" (a share of the best) or "abs".
        cooldown: epochs after a reduction that do not count.
        min_lr: the lowest rate.
        eps: a reduction by less is left out.
        monitor: "val_loss", "loss" (of training), "val_acc" or "train_acc".

    Raises:
        TypeError, ValueError: an argument is out of range, or an accuracy is watched in mode "min".

    Source: torch.optim.lr_scheduler.ReduceLROnPlateau.
    """

    def __init__(
        self,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0,
        eps: float = 1e-8,
        monitor: str = "val_loss",
    ) -> None:
        name = "ReduceLROnPlateau"
        self.mode: str = choice(name, "mode", mode, ("min", "max"))
        self.factor = real(name, "factor", factor, 0, 1, open_low=True, open_high=True)
        self.patience = integer(name, "patience", patience, 0)
        self.threshold = real(name, "threshold", threshold, 0)
        self.threshold_mode: str = choice(name, "threshold_mode", threshold_mode, ("rel", "abs"))
        self.cooldown = integer(name, "cooldown", cooldown, 0)
        self.min_lr = real(name, "min_lr", min_lr, 0)
        self.eps = real(name, "eps", eps, 0)
        self.monitor: str = choice(name, "monitor", monitor, WATCHED)
        if monitor.endswith("_acc") and mode == "min":
            raise ValueError(f"{name}: mode is 'min', expected 'max' for monitor={monitor!r}")
        self.best, self.num_bad_epochs, self.cooldown_counter = self._start()

    def before_train(self, solver: TrainingState) -> None:
        if not solver.epoch:
            # What another training has left does not count.
            self.best, self.num_bad_epochs, self.cooldown_counter = self._start()

    def after_epoch(self, solver: TrainingState) -> None:
        value = float(solver.history[-1][self.monitor])
        if self._better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            lr = solver.optimizer.lr
            lower = max(lr * self.factor, self.min_lr)
            if lr - lower > self.eps:
                solver.optimizer.lr = lower
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def state_dict(self) -> Mapping[str, Any]:
        return {
            name: getattr(self, name) for name in ("best", "num_bad_epochs", "cooldown_counter")
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best = float(state["best"])
        self.num_bad_epochs = int(state["num_bad_epochs"])
        self.cooldown_counter = int(state["cooldown_counter"])

    def _start(self) -> tuple[float, int, int]:
        return (math.inf if self.mode == "min" else -math.inf), 0, 0

    def _better(self, value: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        change = sign * self.threshold
        limit = self.best * (1 - change) if self.threshold_mode == "rel" else self.best - change
        return value < limit if self.mode == "min" else value > limit
