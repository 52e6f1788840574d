"""What a training is made with: the arguments, checked, and what is done with the data."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.checks.numbers import count, flag, integer, optional_count, real
from cnnlite.data import Augment, batches
from cnnlite.data.ahead import in_batches, read_ahead
from cnnlite.layers import Layer
from cnnlite.layers.ties import check_arrays
from cnnlite.losses import CrossEntropyLoss
from cnnlite.optim import SGD, AveragedWeights, Optimizer, clip_grad_norm, clip_grad_value
from cnnlite.optim.schedules import Constant, Schedule
from cnnlite.training.arguments import check_callbacks, check_parts
from cnnlite.training.averaging import average_in_place, checked_average
from cnnlite.training.callbacks import Progress
from cnnlite.training.checkpoint import Checkpoint
from cnnlite.training.distributed.joining import join, joined
from cnnlite.training.evaluation import (
    accuracy,
    batch_results,
    mean_of_results,
    model_dtype,
    predictions,
    scores_of_batches,
)
from cnnlite.training.shards import Images, Passes, checked_shards, cut
from cnnlite.training.splits import checked_arrays, checked_images, checked_splits, sample
from cnnlite.training.state import Saver, TrainingState

Grads = Mapping[str, np.ndarray | None]


class Parts(TrainingState):
    """The parts of a training, found to be what they should be; `Solver` says what each is."""

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
        checkpoint: str | Path | Saver | None = None,
        verbose: bool = True,
        drop_last: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        ema: float | AveragedWeights | None = None,
        shards: int = 1,
    ) -> None:
        join()  # first: what is wrong is then said once
        shown = [Progress()] if flag("Solver", "verbose", verbose) else []
        super().__init__([*shown, *check_callbacks(callbacks)])
        self.batch_size = count("Solver", "batch_size", batch_size)
        self.num_epochs = count("Solver", "num_epochs", num_epochs)
        self.num_train_samples = optional_count("Solver", "num_train_samples", num_train_samples)
        self.num_val_samples = optional_count("Solver", "num_val_samples", num_val_samples)
        overfit = optional_count("Solver", "overfit", overfit)
        self.seed = integer("Solver", "seed", seed)
        self.drop_last = flag("Solver", "drop_last", drop_last)
        self.clip_norm = _optional_limit("clip_norm", clip_norm)
        self.clip_value = _optional_limit("clip_value", clip_value)
        self.model, self.augment = model, augment
        self.loss = CrossEntropyLoss() if loss is None else loss
        usual = SGD(0.005, momentum=0.9, weight_decay=5e-4, nesterov=True)
        self.optimizer = usual if optimizer is None else optimizer
        self.schedule = Constant() if schedule is None else schedule
        if isinstance(checkpoint, str | Path):
            checkpoint = Checkpoint(checkpoint)
        self.checkpoint = checkpoint
        check_parts(
            model=model, loss=self.loss, optimizer=self.optimizer, schedule=self.schedule,
            augment=augment, checkpoint=self.checkpoint,
        )  # fmt: skip
        check_arrays("Solver", model.params, model.buffers)
        if isinstance(self.optimizer, Optimizer):
            self.optimizer.check_params(model.params)
        self.ema = checked_average(ema, model)
        train, val, self.normalization, self.num_classes = checked_splits(
            model, data, overfit, self.batch_size
        )
        (self.X_train, self.y_train), (self.X_val, self.y_val) = train, val
        self.shards = checked_shards(shards, self.batch_size)
        self.batch_size = min(self.batch_size, len(train.X))
        self.ranks = joined(self.shards)
        self._passes = Passes(self.shards, self.ranks)

    def check_accuracy(
        self,
        X: np.ndarray,
        y: np.ndarray,
        num_samples: int | None = None,
        batch_size: int | None = None,
        tta: str = "none",
    ) -> float:
        """Return the model's accuracy on images like those it is trained on.

        Args:
            X, y: images (N, ...), normalised as in training if they are uint8; labels (N,).
            num_samples: measure on so many only, always the same ones.
            batch_size: images at a time; None means the solver's.
            tta: test-time augmentation: "mirror" takes the mean of the scores of each image and its
                mirror image, "translate" also of both moved by a pixel; "none" does not.
        """
        X, y = checked_arrays(X, y)
        self._check_kind(X)
        index = sample(optional_count("Solver", "num_samples", num_samples), len(X), self.seed)
        size = optional_count("Solver", "batch_size", batch_size) or self.batch_size
        return accuracy(self.model, X, y, self.normalization, size, index, tta=tta)

    def predict(
        self, X: np.ndarray, batch_size: int | None = None, tta: str = "none"
    ) -> np.ndarray:
        """Return the model's scores (N, classes), of its dtype, as in inference.

        The scores are those that `check_accuracy` counts with; `cnnlite.evaluation.predictions`
        gives their classes.

        Args:
            X: images (N, ...) like those it is trained on; pixels are normalised as in training.
            batch_size: images at a time; None means the solver's.
            tta: as for `check_accuracy`.
        """
        X = checked_images("X", X)
        self._check_kind(X)
        size = optional_count("Solver", "batch_size", batch_size) or self.batch_size
        scored = scores_of_batches(self.model, X, self.normalization, size, tta=tta)
        return np.concatenate([scores for _, scores in scored])

    def _check_kind(self, X: np.ndarray) -> None:
        """Raise unless X holds pixels where the training images do, floats where they do."""
        if (X.dtype == np.uint8) != (self.X_train.dtype == np.uint8):
            raise TypeError(f"Solver: X is {X.dtype}, the model is trained on {self.X_train.dtype}")

    def _accuracies(self) -> tuple[float, float, float]:
        """Return training accuracy, validation accuracy and loss, of the average if any.

        Each rank measures a part of the batches; to end in between, all would have to agree.
        """
        after_batch = self._end_if_asked if self.ranks.size == 1 else None
        with average_in_place(
            self.model,
            self.ema,
            self._epoch_batches,
            self.seed,
            self._interrupt.hold,
            partial(self._passes.forward, self.model),
        ) as self._measured:
            train, val = (self.X_train, self.y_train), (self.X_val, self.y_val)
            train_acc, _ = self._measure(*train, None, self.num_train_samples, after_batch)
            val_acc, loss = self._measure(*val, self.loss, self.num_val_samples, after_batch)
            if not train_acc and not val_acc:
                self.check_sound()  # nothing right: is there an answer at all?
        return train_acc, val_acc, loss

    def check_sound(self) -> None:
        """Do as `check_finite` does, also where no training image gets scores that are finite."""
        self.check_finite()
        size = self.batch_size // self.shards or 1
        x = self._batch(np.arange(self.batch_size))
        found = (predictions(self.model(x[i : i + size])) for i in range(0, len(x), size))
        if all((part < 0).all() for part in found):
            self.take_back("every score")

    @abstractmethod
    def _end_if_asked(self) -> None:
        """End the training here if that was asked for."""

    def _measure(
        self,
        X: np.ndarray,
        y: np.ndarray,
        loss: Any,
        samples: int | None,
        after_batch: Callable[[], None] | None,
    ) -> tuple[float, float]:
        index = sample(samples, len(X), self.seed)
        images, size = len(X) if index is None else len(index), self.batch_size
        own = cut(-(-images // size), self.ranks.size)[self.ranks.rank]
        mine = (np.arange(images) if index is None else index)[own.start * size : own.stop * size]
        parts = self.shards if size % self.shards == 0 else 1
        results = batch_results(
            self.model, X, y, loss, self.normalization, size, mine, after_batch, parts=parts
        )
        rows = np.array(list(results), np.float64).reshape(-1, 3)
        return mean_of_results(np.concatenate(self.ranks.rows(rows)).tolist())

    def _clipped(self, grads: Grads) -> Grads:
        """Return a step's gradients, clipped in place as was asked: by value, then by norm."""
        if self.clip_value is not None:
            clip_grad_value(grads, self.clip_value)
        if self.clip_norm is not None:
            self.grad_norm = clip_grad_norm(grads, self.clip_norm)
        return grads

    def _average(self) -> None:
        """Take the weights after a step into the average, if they belong there."""
        if self.ema and self.ema.due(self.step, self.total_steps):
            self.ema.update(self.model)

    def _epoch_batches(self) -> Iterator[Any]:
        """Yield the batches of this epoch once more."""
        yield from map(self._batch, self._indices(self.steps_per_epoch * self.epoch))

    def _indices(self, step: int) -> Generator[np.ndarray]:
        """Yield the images of each batch of this epoch from a step on; they are read ahead."""
        order = batches.epoch_order(len(self.X_train), self.epoch, self.seed)
        first = (step - self.epoch * self.steps_per_epoch) * self.batch_size
        left = order[first : self.steps_per_epoch * self.batch_size]
        return read_ahead(self.X_train, in_batches(left, self.batch_size), self._needed)

    def _needed(self, index: np.ndarray) -> np.ndarray:
        """Return the images that this rank reads for a batch: those of its own shards."""
        own, parts = self.ranks.own(self.shards), cut(len(index), self.shards)
        mine, count = index[parts[own[0]].start : parts[own[-1]].stop], len(self.X_train)
        return batches.needed(self.augment, mine, self.epoch, self.seed, count)

    def _batch(self, index: np.ndarray) -> Any:
        """Return a training batch; where it is cut, what makes the images of a slice of it."""
        X, normalization, dtype = self.X_train, self.normalization, model_dtype(self.model)
        make = partial(
            batches.gather, X, normalization=normalization, dtype=dtype, augment=self.augment,
            epoch=self.epoch, seed=self.seed,
        )  # fmt: skip
        return make(index) if self.shards == 1 else Images(index, make)


def _optional_limit(argument: str, value: object) -> float | None:
    return None if value is None else real("Solver", argument, value, 0, open_low=True)
