"""The training loop."""

from __future__ import annotations

import math
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from cnnlite.layers.base import expect_trainable
from cnnlite.random import Rng
from cnnlite.training.arguments import check_callbacks
from cnnlite.training.checkpoint import Checkpoint, CheckpointError
from cnnlite.training.interruption import Stopped, TrainingDiverged
from cnnlite.training.record import check_same
from cnnlite.training.rehearsal import check_loss_history
from cnnlite.training.state import Asked, buffers_put_back
from cnnlite.training.trials import Trials

__all__ = ["Solver", "TrainingDiverged"]


class Solver(Trials):
    """Train a classifier: batches, steps, evaluation, the best parameters, checkpoints.

        solver = Solver(model, data, optimizer=SGD(lr=0.05, momentum=0.9), num_epochs=10)
        solver.train()

    Each epoch takes every training image once, in an order that depends on seed and epoch alone;
    the last batch may be short.  After each epoch accuracies are measured.  Ctrl-C (and SIGTERM,
    SIGHUP) ends training after the step that runs, with all histories and the best parameters so
    far; `train` goes on from there.  A training that a callback has stopped has ended by itself:
    neither `train` nor `resume` takes it further while that callback is there.

    Args:
        model: any layer that turns images into scores (N, classes). It is trained in place.
        data: a mapping with X_train, y_train, X_val, y_val. X: uint8 (N, C, H, W), which is scaled,
            normalised and augmented batch by batch; or float32 or float64 (N, ...), taken as it
            is. y: integers (N,) from 0, or floats (N, classes). They are arrays, memory maps, or
            what has shape, dtype and [index], which is asked for increasing arrays of integers, as
            h5py takes them. Its attribute `normalization` is used if there is one; else uint8
            images are normalised by channel.
        loss: None means CrossEntropyLoss().
        optimizer: None means SGD(lr=0.005, momentum=0.9, weight_decay=5e-4, nesterov=True).
        schedule: a function of step and total_steps, the factor of each learning rate; None: 1.
        augment: a pure function of images, index, epoch and seed, MixUp, CutMix, or a `Compose`.
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
        drop_last: leave the short last batch of an epoch out.
        clip_norm, clip_value: what gradients are clipped to, by `cnnlite.clip_grad_norm` over all
            of them, and before that by `clip_grad_value`.
        ema: an `EMA` or `AveragedWeights`, or the decay of an EMA. The accuracies and best_params
            are then the average's, and the model's own until there is one.
        shards: parts that each batch is cut into, which must divide batch_size. Each goes forward
            and backward by itself, with batch-norm's statistics of its own, and all gradients are
            added up: a step takes less memory, and the processes that `mpirun` starts share the
            shards out. The bits depend on the number of shards, not on that of the processes.

    Attributes:
        loss_history: the loss of each step.
        train_acc_history, val_acc_history, val_loss_history: what is measured after each epoch.
        history: a row for each epoch, as a dict: epoch (from 1), step (steps taken), lr (of the
            last step), loss (mean of the epoch), train_acc, val_acc, val_loss,
            images_per_second.
        best_val_acc, best_params: the best validation accuracy, and the parameters and buffers
            that reached it, for ``model.load_state_dict``; of several epochs that did, those of the
            one with the lowest validation loss.
        epoch, step: completed epochs and steps.
        batch_acc: the accuracy on the last step's batch, before the update.
        grad_norm: with clip_norm, the norm of the last step's gradients before clipping.
        lr: the learning rate of the next step, which a callback may set.
        interrupted, interrupted_by: whether a signal, or `control`, ended the last training, and
            which signal.
        control: pauses, steps, resumes and stops the training, and sets its learning rate, from
            any thread; what it did is in `events`.
        events: a row for each change by hand, as a dict: step, time (UTC), what, old, new.
        stopped_by: the callback that ended the training, or None.
        ranks: the processes that share the shards out: `rank`, the number of this one, from 0, and
            `size`.

    Raises:
        ValueError, TypeError: the message names the argument, what came and what was expected.
    """

    def train(self) -> list[dict[str, Any]]:
        """Train on until num_epochs are complete, and return the history.

        Raises:
            TrainingDiverged: the loss is NaN or infinite, and the model as before that step; or an
                update has left parameters that are, and the model is as after the last epoch that
                ended well; or the loss has been a thousand times too high for long.
            CheckpointError: a checkpoint could not be written, and the old one is untouched; or
                the file holds more than this training would begin with, and `resume` was meant.
            ValueError, TypeError: a part does not fit the others; nothing was trained.
            RuntimeError: the model, or a part of it, is frozen (`cnnlite.freeze`).
        """
        expect_trainable("Solver: train", self.model)
        with self.ranks.failing_together(), self.ranks.one_warning():
            self._train()
        return self.history

    def resume(self) -> list[dict[str, Any]]:
        """Continue from the checkpoint, to the same bits as a training that was never stopped.

        Raises:
            ValueError, CheckpointError: there is no checkpoint, or it is not of this training.
        """
        if self.checkpoint is None:
            raise ValueError("Solver.resume: no checkpoint was configured; pass checkpoint=PATH")
        self._meet_callbacks()
        with self.ranks.one_warning():
            self.checkpoint.load(self)
        return self.train()

    def _train(self) -> None:
        self.interrupted, self.interrupted_by, self._known = False, None, Asked()
        check_callbacks(self.callbacks)
        self._meet_callbacks()
        if isinstance(self.checkpoint, Checkpoint):
            self.ranks.only_first(partial(self.checkpoint.check_may_begin, self), CheckpointError)
        self._begin()
        check_same(self)
        self.control.begin()
        # What is not finite is told as TrainingDiverged, not as a warning of NumPy's.
        with self._interrupt, np.errstate(over="ignore", invalid="ignore"):
            try:
                self._notify("before_train")
                if not self.ended:
                    self.stopped_by = None
                while self.epoch < self.num_epochs and not self.ended:
                    self._train_epoch()
            except (Stopped, KeyboardInterrupt) as reason:
                if self.ranks.size > 1 and not isinstance(reason, Stopped):
                    raise  # the ranks are at different places
                _, self.interrupted_by, by_hand = self.asked
                asked = by_hand or self.interrupted_by is not None
                self.interrupted = asked or not isinstance(reason, Stopped)
                if by_hand:
                    self.note("stop")
                with self._interrupt.hold():
                    self.save_checkpoint()
            except TrainingDiverged:
                self.check_sound()  # an earlier update may be to blame
                raise
            finally:
                self._notify("after_train")
                self._stopping = False

    def train_step(self, x: np.ndarray, y: np.ndarray) -> float:
        """Take one step on a batch x (N, ...) and y, wholly or not at all; return its loss."""
        factor = self.factor_at(self.step)
        lr = self.optimizer.lr * factor

        def check(loss: float) -> None:
            if not math.isfinite(loss + lr):
                what = "training stopped before the update"
                raise TrainingDiverged(loss, self.step, lr, what, self.loss_history)

        place = Rng(self.seed, step=self.step)
        with buffers_put_back(self.model) as keep:
            batch = self._passes.run(self.model, self.loss, x, y, place, check)
            grads = self._clipped(self.unfrozen(batch.grads))
            with self._interrupt.hold():
                self.optimizer.step(self.model.params, grads, factor)
                self.batch_acc = batch.accuracy
                self.loss_history.append(batch.loss)
                keep()
                self._average()
        return batch.loss

    def _train_epoch(self) -> None:
        self._end_if_asked()
        self._notify("before_epoch")
        started, seen = self.control.clock(), 0
        with closing(self._indices(self.step)) as indices:
            for index in indices:
                self.control.obey(self)  # before a step everything is whole
                self._end_if_asked()
                x, y = self._batch(index), self.targets(index)
                self._notify("before_step")
                self.train_step(x, y)
                self._notify("after_step")
                seen += len(index)
                warn = not self._warned and self.ranks.first
                self._warned |= check_loss_history(self, self._blank_loss, warn)
                if self.checkpoint is not None and self.checkpoint.due(self.step):
                    self.save_checkpoint()
        self._end_if_asked()
        seconds = max(self.control.clock() - started, 1e-9)
        self.check_finite()
        accuracies = self._accuracies()
        with self._interrupt.hold():
            self._end_epoch(*accuracies, seen / seconds)
        self._notify("after_epoch")
        self.save_checkpoint()

    def save_checkpoint(self) -> None:
        """Replace the checkpoint by the state as it is, if there is one; between two steps only.

        Raises:
            TrainingDiverged: parameters or buffers are not finite.
            CheckpointError: it could not be written, and the old one is untouched.
        """
        if self.checkpoint is not None:
            self.check_finite()
            self.ranks.only_first(partial(self.checkpoint.save, self), CheckpointError)
            if not self.ranks.first:
                self.saved_to = self.checkpoint.path

    def _end_if_asked(self) -> None:
        """End the training here if that was asked for: between two steps everything is whole."""
        self.agree()
        if self.asked_to_end:
            raise Stopped
