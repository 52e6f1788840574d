"""What a training is at a moment: all that callbacks, checkpoints and progress know of it."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np

from cnnlite.checks.numbers import real
from cnnlite.data import Augment, Normalization, batches
from cnnlite.layers import Layer
from cnnlite.optim import AveragedWeights, Optimizer
from cnnlite.optim.schedules import Schedule
from cnnlite.training.arguments import checked_factor
from cnnlite.training.control import Control
from cnnlite.training.distributed.alone import Alone
from cnnlite.training.evaluation import not_finite
from cnnlite.training.history import History, best_epoch
from cnnlite.training.interruption import Interrupt, TrainingDiverged

Arrays = dict[str, np.ndarray]


class Snapshot(NamedTuple):
    """A moment that a training can go back to."""

    model: Arrays  # parameters and buffers, copies
    optimizer: Arrays  # what it remembers, copies
    average: Arrays  # of the weights, copies
    step: int
    epoch: int


class Asked(NamedTuple):
    """By whom a training was asked to end."""

    stopping: bool = False  # a callback
    signal: signal.Signals | None = None
    by_hand: bool = False  # `control`


class Saver(Protocol):
    """What a training asks of its checkpoint; see `cnnlite.training.checkpoint.Checkpoint`."""

    path: Path

    def due(self, step: int) -> bool: ...
    def save(self, training: Any) -> None: ...
    def load(self, training: Any) -> None: ...


@contextmanager
def buffers_put_back(model: Layer) -> Iterator[Callable[[], None]]:
    """Undo what a forward pass does to the buffers, unless the function it gives is called."""
    before = {key: array.copy() for key, array in model.buffers.items()}
    try:
        yield before.clear
    finally:
        for key, array in before.items():
            model.buffers[key][...] = array


class TrainingState:
    """The parts and the histories of a training, and what follows from them.

    `Solver` is one, and this is what its callbacks are given.  The attributes without a comment
    are Solver's arguments.
    """

    model: Layer
    loss: Any
    optimizer: Optimizer
    schedule: Schedule
    augment: Augment | None
    batch_size: int
    num_epochs: int
    num_train_samples: int | None
    num_val_samples: int | None
    seed: int
    drop_last: bool
    clip_norm: float | None
    clip_value: float | None
    ema: AveragedWeights | None
    shards: int
    checkpoint: Saver | None
    X_train: np.ndarray
    y_train: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    normalization: Normalization | None
    num_classes: int  # scores that the model gives for an image
    ranks: Alone = Alone()  # the processes that share the shards out

    def __init__(self, callbacks: Iterable[Any]) -> None:
        self.callbacks = list(callbacks)
        self.loss_history: list[float] = []  # of each step
        self.history = History()  # a row for each epoch
        self.events: list[dict[str, Any]] = []  # what was done by hand: see `note`
        self.control = Control()  # by which it is done, from any thread
        self.best_params: Arrays = {}  # parameters and buffers of the best epoch
        self.batch_acc = 0.0  # of the last step's batch, before the update
        self.grad_norm: float | None = None  # of the last step, before clipping by norm
        self.interrupted = False  # whether Ctrl-C, or another signal, ended the last training
        self.interrupted_by: signal.Signals | None = None  # and which
        self._interrupt = Interrupt()
        self.stopped_by: StoppedBy | None = None  # the callback that ended the training
        self.saved_to: Path | None = None  # the file that this training is written to or read from
        self._notified: Any = None  # the callback that is being called
        self._given: dict[int, dict[str, Any]] = {}  # callbacks as they were before the training
        self._stopping = False
        self._known = Asked()  # what all ranks know of what some of them were asked for
        self._good: Snapshot | None = None
        self._measured: Arrays | None = None  # the averaged weights that were measured last

    @property
    def step(self) -> int:
        """Completed steps."""
        return len(self.loss_history)

    def targets(self, index: np.ndarray) -> np.ndarray:
        """Return the targets of these training images in this epoch, mixed if images are."""
        size = self.X_train.shape[2:]
        return batches.targets(
            self.y_train, index, self.augment, self.epoch, self.seed, self.num_classes, size
        )

    @property
    def epoch(self) -> int:
        """Completed epochs."""
        return len(self.history)

    @property
    def train_acc_history(self) -> list[float]:
        """The training accuracy after each epoch."""
        return [row["train_acc"] for row in self.history]

    @property
    def val_acc_history(self) -> list[float]:
        """The validation accuracy after each epoch."""
        return [row["val_acc"] for row in self.history]

    @property
    def val_loss_history(self) -> list[float]:
        """The validation loss after each epoch."""
        return [row["val_loss"] for row in self.history]

    @property
    def best_val_acc(self) -> float:
        """The best validation accuracy so far; 0 before the first epoch has ended."""
        return max(self.val_acc_history, default=0.0)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch, the short one included unless it is dropped."""
        whole, left = divmod(len(self.X_train), self.batch_size)
        return whole + (left > 0 and not self.drop_last)

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        return self.num_epochs * self.steps_per_epoch

    @property
    def lr(self) -> float:
        """The learning rate of the next step (of parameters in no group).

        Where it is set, the optimizer's is set so that the next step has it; the schedule goes on
        from there, and the groups' rates change in proportion.
        """
        return self.lr_at(self.step)

    @lr.setter
    def lr(self, lr: float) -> None:
        factor, rate = self.factor_at(self.step), real("Solver", "lr", lr, 0)
        if factor:
            self.optimizer.lr = rate / factor
        elif rate and self.step < self.total_steps:
            raise ValueError(
                f"Solver: lr is set to {rate} at step {self.step}, where the schedule's factor is "
                "0; set optimizer.lr, which it is multiplied with"
            )

    def lr_at(self, step: int) -> float:
        """Return the learning rate of a step (of parameters in no group)."""
        return self.optimizer.lr * self.factor_at(step)

    def factor_at(self, step: int) -> float:
        """Return the schedule's factor for a step.

        Raises:
            TypeError, ValueError: the schedule gives something else than a number from 0.
        """
        return checked_factor(self.schedule(step, self.total_steps), step)

    def note(self, what: str, old: Any = None, new: Any = None) -> None:
        """Add something that was done by hand to `events`, and tell the callbacks.

        Args:
            what: "lr", "pause", "step", "resume", "stop", or "back", where steps were taken back.
            old, new: the values before and after, where there are such.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.events.append({"step": self.step, "time": now, "what": what, "old": old, "new": new})
        self._notify("after_change")

    def stop(self) -> None:
        """End the training after the step (or evaluation) that runs; for callbacks.

        The training has then ended by itself: with the same callbacks, neither `train` nor
        `resume` goes on.
        """
        here = self._notified
        if self.ranks.size > 1 and getattr(here, "first_rank_only", False):
            raise RuntimeError(
                f"{type(here).__name__} runs on the first of {self.ranks.size} ranks only, and "
                "cannot stop the others: call solver.control.stop()"
            )
        self._stopping = True
        if here is not None:
            self.stopped_by = self._identity(here)

    @property
    def asked_to_end(self) -> bool:
        """Whether a callback, a signal or `control` wants the training to end here."""
        return any(self.asked)

    @property
    def asked(self) -> Asked:
        """What the training was asked for; on several ranks what all of them know of."""
        if self.ranks.size > 1:
            return self._known
        number = self._interrupt.number if self._interrupt.requested else None
        return Asked(self._stopping, number, self.control.stopping)

    def agree(self) -> None:
        """Tell all ranks what this one was asked for; each calls it at the same places."""
        orders = self.control.taken()
        if self.ranks.size == 1:
            self.control.agree(orders)
            return
        number = self._interrupt.number if self._interrupt.requested else None
        here = (self._stopping, number, self.control.stopping, orders)
        told = self.ranks.texts(json.dumps(here) if any(here) else "")
        for stopping, number, by_hand, theirs in map(json.loads, filter(None, told)):
            signalled = self._known.signal if number is None else signal.Signals(number)
            self._known = Asked(
                self._known.stopping or stopping, signalled, self._known.by_hand or by_hand
            )
            self.control.agree(theirs)

    @property
    def ended(self) -> bool:
        """Whether a callback that is there has ended the training, as it would do again."""
        by = self.stopped_by
        return by is not None and any(
            by.name == here.name and (here.given == by.given or here.now == by.now)
            for here in map(self._identity, self.callbacks)
        )

    def unfrozen(self, grads: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the gradients without those of frozen parameters, which a lone layer may give."""
        frozen = getattr(self.model, "frozen_keys", ())
        return {key: grads[key] for key in grads if key not in frozen} if frozen else grads

    def snapshot(self) -> Snapshot:
        """Return copies of what a step changes, to `go_back` to."""
        optimizer: Callable[[], Arrays] = getattr(self.optimizer, "state_dict", dict)
        average = self.ema.state_dict() if self.ema else {}
        return Snapshot(self.model.state_dict(), optimizer(), average, self.step, self.epoch)

    def go_back(self, to: Snapshot) -> None:
        """Undo all that has happened since a snapshot."""
        self.model.load_state_dict(to.model)
        if hasattr(self.optimizer, "load_state_dict"):
            self.optimizer.load_state_dict(to.optimizer)
        if self.ema:
            self.ema.load_state_dict(to.average)
        del self.loss_history[to.step :], self.history[to.epoch :]

    def check_finite(self) -> None:
        """Go back to the last snapshot unless parameters and buffers are finite.

        Raises:
            TrainingDiverged: they are not.
            ValueError: they are not, and there was no step that could be taken back.
        """
        bad = not_finite({**self.model.params, **self.model.buffers})
        if bad is not None:
            self.take_back(bad)

    def take_back(self, bad: str) -> NoReturn:
        """Go back to the last snapshot, as what `bad` names is not finite; see `check_finite`."""
        good = self._good
        if good is None or not self.step:
            raise ValueError(f"Solver: the model's {bad} is not finite before the first step")
        loss, step, losses = self.loss_history[-1], self.step - 1, list(self.loss_history)
        lr = self.lr_at(step)
        self.go_back(good)
        if self.events:  # the rate is what it was then
            self.note("back", step + 1, good.step)
        what = (
            f"this update or one before it left {bad} not finite, so model, optimizer and "
            f"histories are back where they were after {good.step} steps"
        )
        raise TrainingDiverged(loss, step, lr, what, losses)

    def _end_epoch(
        self, train_acc: float, val_acc: float, val_loss: float, images_per_second: float
    ) -> None:
        """Add a row to the history; keep the parameters, if they are the best, and to go back."""
        losses, good = self.loss_history[self.epoch * self.steps_per_epoch :], self.snapshot()
        row = {
            "epoch": self.epoch + 1,
            "step": self.step,
            "lr": self.lr_at(self.step - 1),
            "loss": math.fsum(losses) / len(losses),
            "train_acc": train_acc,
            "val_acc": val_acc,
            "val_loss": val_loss,
            "images_per_second": images_per_second,
        }
        self.history.append(row)
        if not self.best_params or best_epoch(self.history) is row:
            self.best_params = self._measured or good.model
        self._good = good._replace(epoch=self.epoch)

    def _notify(self, event: str) -> None:
        """Call each callback that has a method for the event."""
        for callback in self.callbacks:
            method = getattr(callback, event, None)
            elsewhere = getattr(callback, "first_rank_only", False) and not self.ranks.first
            if method is not None and not elsewhere:
                self._notified = callback
                try:
                    method(self)
                finally:
                    self._notified = None

    def _meet_callbacks(self) -> None:
        """Note how each callback was set before it has seen anything of the training."""
        for callback in self.callbacks:
            self._given.setdefault(id(callback), settings(callback))

    def _identity(self, callback: Any) -> StoppedBy:
        now = settings(callback)
        return StoppedBy(type(callback).__qualname__, self._given.get(id(callback), now), now)


class StoppedBy(NamedTuple):
    """The callback that ended a training: its class, and its settings by which to know it."""

    name: str
    given: dict[str, Any]  # before the training
    now: dict[str, Any]  # when it ended the training; one that counts has changed by then


def settings(callback: Any) -> dict[str, Any]:
    """Return an object's public attributes, those that are plain values."""
    plain = (bool, int, float, str, type(None))
    values = getattr(callback, "__dict__", {})
    return {
        name: values[name]
        for name in sorted(values)
        if name[0] != "_" and isinstance(values[name], plain)
    }
