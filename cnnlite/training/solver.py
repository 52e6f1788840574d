"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.data import Augment, batches
from cnnlite.layers import Layer
from cnnlite.losses import CrossEntropyLoss
from cnnlite.optim import SGD, Optimizer
from cnnlite.optim.schedules import Constant, Schedule
from cnnlite.random import Rng
from cnnlite.training.arguments import check_parts, count, integer, optional_count
from cnnlite.training.callbacks import Progress
from cnnlite.training.checkpoint import Checkpoint, capture, restore
from cnnlite.training.evaluation import accuracy, model_dtype
from cnnlite.training.interruption import Interrupt, Stopped, TrainingDiverged
from cnnlite.training.splits import checked_arrays, checked_splits, sample

__all__ = ["Solver", "TrainingDiverged"]


class Solver:
    """Train a classifier: batches, steps, evaluation, the best parameters, checkpoints.

        solver = Solver(model, data, optimizer=SGD(lr=0.05, momentum=0.9), num_epochs=10)
        solver.train()

    Each epoch takes every training image once, in an order that depends on seed and epoch alone;
    the last batch may be short.  After each epoch accuracies are measured.  Ctrl-C ends training
    after the step that runs, with all histories and the best parameters so far; `train` goes on
    from there.  To see that everything works, `smoke` takes one batch through it.

    Args:
        model: any layer that turns images into scores (N, classes). It is trained in place.
        data: a mapping with X_train, y_train, X_val, y_val. X: uint8 (N, C, H, W), which is scaled,
            normalised and augmented batch by batch; or float32 or float64 (N, ...), taken as it
            is. y: integers (N,) from 0. Its attribute `normalization` is used if there is one;
            else uint8 images are normalised by the mean and deviation of their channels.
        loss: None means CrossEntropyLoss().
        optimizer: None means SGD(lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True).
        schedule: a function of step and total_steps, the factor of each learning rate; None: 1.
        augment: a pure function of images, index, epoch and seed; None leaves images as they are.
        batch_size: images in a step; at most as many as there are, except with `overfit`.
        num_epochs: epochs in total, those before a resume included.
        num_train_samples, num_val_samples: images that accuracies are measured on, always the same
            ones; None means all.
        overfit: train and validate on the first so many training images only (in one batch if
            there are fewer than batch_size). A network that works learns them by heart.
        seed: order, augmentation and dropout are functions of it.
        callbacks: objects with any of the methods of `callbacks.Callback`.
        checkpoint: a path, or a `Checkpoint`; saved after each epoch and on Ctrl-C.
        verbose: show a progress bar, and a line for each epoch.

    Attributes:
        loss_history: the loss of each step.
        train_acc_history, val_acc_history: the accuracies after each epoch.
        history: a row for each epoch, as a dict: epoch (from 1), step (steps taken), lr (of the
            last step), loss (mean of the epoch), train_acc, val_acc, images_per_second.
        best_val_acc, best_params: the best validation accuracy, and the parameters and buffers
            that reached it, for ``model.load_state_dict``.
        epoch, step: completed epochs and steps.
        batch_acc: the accuracy on the last step's batch, before the update.
        interrupted: whether Ctrl-C ended the last training.

    Raises:
        ValueError, TypeError: the message names the argument, what came and what was expected.
    """

    def __init__(
        self,
        model: Layer,
        data: Mapping[str, np.ndarray],
        loss: Any = None,
        optimizer: Optimizer | None = None,
        schedule: Schedule | None = None,
        augment: Augment | None = None,
        batch_size: int = 128,
        num_epochs: int = 10,
        num_train_samples: int | None = 1000,
        num_val_samples: int | None = None,
        overfit: int | None = None,
        seed: int = 0,
        callbacks: Iterable[Any] = (),
        checkpoint: str | Path | Checkpoint | None = None,
        verbose: bool = True,
    ) -> None:
        self.batch_size = count("batch_size", batch_size)
        self.num_epochs = count("num_epochs", num_epochs)
        self.num_train_samples = optional_count("num_train_samples", num_train_samples)
        self.num_val_samples = optional_count("num_val_samples", num_val_samples)
        self.overfit = optional_count("overfit", overfit)
        self.seed = integer("seed", seed)
        self.model, self.augment = model, augment
        self.loss = CrossEntropyLoss() if loss is None else loss
        usual = SGD(0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
        self.optimizer = usual if optimizer is None else optimizer
        self.schedule = Constant() if schedule is None else schedule
        if isinstance(checkpoint, str | Path):
            checkpoint = Checkpoint(checkpoint)
        self.checkpoint = checkpoint
        self.callbacks = [Progress(), *callbacks] if verbose else list(callbacks)
        check_parts(
            model=model, loss=self.loss, optimizer=self.optimizer, schedule=self.schedule,
            augment=augment, checkpoint=self.checkpoint,
        )  # fmt: skip

        train, val, self.normalization = checked_splits(model, data, self.overfit, self.batch_size)
        self.X_train, self.y_train = train
        self.X_val, self.y_val = val
        self.batch_size = min(self.batch_size, len(train.X))
        self._train_sample = sample(self.num_train_samples, len(train.X), self.seed)
        self._val_sample = sample(self.num_val_samples, len(val.X), self.seed)

        self.epoch = self.step = 0
        self.loss_history: list[float] = []
        self.train_acc_history: list[float] = []
        self.val_acc_history: list[float] = []
        self.history: list[dict[str, Any]] = []
        self.best_val_acc = self.batch_acc = 0.0
        self.best_params: dict[str, np.ndarray] = {}
        self.interrupted = self._stopping = False
        self._interrupt = Interrupt()

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch, the short one included."""
        return math.ceil(len(self.X_train) / self.batch_size)

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        return self.num_epochs * self.steps_per_epoch

    @property
    def lr(self) -> float:
        """The learning rate of the next step (of parameters in no group)."""
        return self.optimizer.lr * self.schedule(self.step, self.total_steps)

    def train(self) -> list[dict[str, Any]]:
        """Train on until num_epochs are complete, and return the history.

        Raises:
            TrainingDiverged: the loss is NaN or infinite; the model is as before that step.
            CheckpointError: a checkpoint could not be written; the old one is untouched.
        """
        self.interrupted = False
        with self._interrupt:
            try:
                self._notify("before_train")
                while self.epoch < self.num_epochs:
                    self._train_epoch()
            except (Stopped, KeyboardInterrupt) as reason:
                self.interrupted = self._interrupt.requested or not isinstance(reason, Stopped)
                if self.checkpoint is not None:
                    with self._interrupt.hold():
                        self.checkpoint.save(self)
            finally:
                self._notify("after_train")
                self._stopping = False
        return self.history

    def resume(self) -> list[dict[str, Any]]:
        """Continue from the checkpoint, to the same bits as a training that was never stopped.

        Raises:
            ValueError, CheckpointError: there is no checkpoint, or it is not of this training.
        """
        if self.checkpoint is None:
            raise ValueError("Solver.resume: no checkpoint was configured; pass checkpoint=PATH")
        self.checkpoint.load(self)
        return self.train()

    def stop(self) -> None:
        """End the training after the step (or evaluation) that runs; for callbacks."""
        self._stopping = True

    def smoke(self) -> float:
        """Take one batch through a step and an evaluation, put everything back, return the loss."""
        before = capture(self)
        index = batches.epoch_order(len(self.X_train), self.epoch, self.seed)[: self.batch_size]
        try:
            loss = self.train_step(self._batch(index), self.y_train[index])
            accuracy(self.model, self.X_train, self.y_train, self.normalization, index=index)
        finally:
            restore(self, *before)
        return loss

    def check_accuracy(
        self,
        X: np.ndarray,
        y: np.ndarray,
        num_samples: int | None = None,
        batch_size: int | None = None,
    ) -> float:
        """Return the model's accuracy on images like those it is trained on.

        Args:
            X, y: images (N, ...), normalised as in training if they are uint8; labels (N,).
            num_samples: measure on so many only, always the same ones.
            batch_size: images at a time; None means the solver's.
        """
        X, y = checked_arrays(X, y)
        if (X.dtype == np.uint8) != (self.X_train.dtype == np.uint8):
            raise TypeError(f"Solver: X is {X.dtype}, the model is trained on {self.X_train.dtype}")
        index = sample(optional_count("num_samples", num_samples), len(X), self.seed)
        size = optional_count("batch_size", batch_size) or self.batch_size
        return accuracy(self.model, X, y, self.normalization, size, index)

    def train_step(self, x: np.ndarray, y: np.ndarray) -> float:
        """Take one step on a batch x (N, ...), y (N,), wholly or not at all; return its loss."""
        factor = self.schedule(self.step, self.total_steps)
        buffers = {key: array.copy() for key, array in self.model.buffers.items()}
        taken = False
        try:
            scores, cache = self.model.forward(x, train=True, rng=Rng(self.seed, step=self.step))
            value, loss_cache = self.loss.forward(scores, y)
            loss = float(value)
            if not math.isfinite(loss):
                raise TrainingDiverged(loss, self.step, self.lr)
            dscores = self.loss.backward(loss_cache)
            _, grads = self.model.backward(dscores, cache, need_dx=False)
            with self._interrupt.hold():
                self.optimizer.step(self.model.params, grads, factor)
                self.batch_acc = float(np.mean(scores.argmax(axis=1) == y))
                self.loss_history.append(loss)
                self.step += 1
                taken = True
        finally:
            if not taken:  # forward has moved batch-norm's running statistics
                for key, array in self.model.buffers.items():
                    array[...] = buffers[key]
        return self.loss_history[-1]

    def _train_epoch(self) -> None:
        self._pause()
        self._notify("before_epoch")
        order = batches.epoch_order(len(self.X_train), self.epoch, self.seed)
        done = (self.step - self.epoch * self.steps_per_epoch) * self.batch_size
        started = time.perf_counter()
        for start in range(done, len(order), self.batch_size):
            index = order[start : start + self.batch_size]
            x, y = self._batch(index), self.y_train[index]
            self._notify("before_step")
            self.train_step(x, y)
            self._notify("after_step")
            if self.checkpoint is not None and self.checkpoint.due(self.step):
                self.checkpoint.save(self)
            self._pause()
        seconds = max(time.perf_counter() - started, 1e-9)
        self._end_epoch(max(0, len(order) - done) / seconds)
        self._notify("after_epoch")
        if self.checkpoint is not None:
            self.checkpoint.save(self)

    def _end_epoch(self, images_per_second: float) -> None:
        train_acc = self._measure(self.X_train, self.y_train, self._train_sample)
        val_acc = self._measure(self.X_val, self.y_val, self._val_sample)
        with self._interrupt.hold():
            losses = self.loss_history[self.epoch * self.steps_per_epoch :]
            self.epoch += 1
            self.train_acc_history.append(train_acc)
            self.val_acc_history.append(val_acc)
            row = {
                "epoch": self.epoch,
                "step": self.step,
                "lr": self.optimizer.lr * self.schedule(self.step - 1, self.total_steps),
                "loss": math.fsum(losses) / len(losses),
                "train_acc": train_acc,
                "val_acc": val_acc,
                "images_per_second": images_per_second,
            }
            self.history.append(row)
            if not self.best_params or val_acc > self.best_val_acc:
                self.best_val_acc, self.best_params = val_acc, self.model.state_dict()

    def _measure(self, X: np.ndarray, y: np.ndarray, index: np.ndarray | None) -> float:
        return accuracy(self.model, X, y, self.normalization, self.batch_size, index, self._pause)

    def _batch(self, index: np.ndarray) -> np.ndarray:
        X, normalization, dtype = self.X_train, self.normalization, model_dtype(self.model)
        return batches.gather(X, index, normalization, dtype, self.augment, self.epoch, self.seed)

    def _pause(self) -> None:
        """End the training here if that was asked for: between two steps everything is whole."""
        if self._stopping or self._interrupt.requested:
            raise Stopped

    def _notify(self, event: str) -> None:
        for callback in self.callbacks:
            method: Callable[[Solver], None] | None = getattr(callback, event, None)
            if method is not None:
                method(self)
