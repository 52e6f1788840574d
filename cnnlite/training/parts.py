"""What a training is made with: the arguments, checked, and what is done with the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.checks.numbers import count, flag, integer, optional_count
from cnnlite.data import Augment, batches
from cnnlite.layers import Layer
from cnnlite.layers.ties import check_arrays
from cnnlite.losses import CrossEntropyLoss
from cnnlite.optim import SGD, Optimizer
from cnnlite.optim.schedules import Constant, Schedule
from cnnlite.training.arguments import check_callbacks, check_parts
from cnnlite.training.callbacks import Progress
from cnnlite.training.checkpoint import Checkpoint
from cnnlite.training.evaluation import accuracy, model_dtype, predictions
from cnnlite.training.splits import checked_arrays, checked_splits, sample
from cnnlite.training.state import Saver, TrainingState


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
    ) -> None:
        shown = [Progress()] if flag("Solver", "verbose", verbose) else []
        super().__init__([*shown, *check_callbacks(callbacks)])
        self.batch_size = count("Solver", "batch_size", batch_size)
        self.num_epochs = count("Solver", "num_epochs", num_epochs)
        self.num_train_samples = optional_count("Solver", "num_train_samples", num_train_samples)
        self.num_val_samples = optional_count("Solver", "num_val_samples", num_val_samples)
        overfit = optional_count("Solver", "overfit", overfit)
        self.seed = integer("Solver", "seed", seed)
        self.drop_last = flag("Solver", "drop_last", drop_last)
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
        train, val, self.normalization, self.num_classes = checked_splits(
            model, data, overfit, self.batch_size
        )
        (self.X_train, self.y_train), (self.X_val, self.y_val) = train, val
        self.batch_size = min(self.batch_size, len(train.X))

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
        index = sample(optional_count("Solver", "num_samples", num_samples), len(X), self.seed)
        size = optional_count("Solver", "batch_size", batch_size) or self.batch_size
        return accuracy(self.model, X, y, self.normalization, size, index)

    def _accuracies(self, after_batch: Callable[[], None]) -> tuple[float, float]:
        """Return the accuracies on training and validation images."""
        first, second = (
            (self.X_train, self.y_train, self.num_train_samples),
            (self.X_val, self.y_val, self.num_val_samples),
        )
        measure = self._measure
        found = measure(*first, after_batch), measure(*second, after_batch)
        if not any(found):
            self.check_sound()  # nothing right: is there an answer at all?
        return found

    def check_sound(self) -> None:
        """Do as `check_finite` does, also where no training image gets scores that are finite."""
        self.check_finite()
        x = self._batch(np.arange(self.batch_size))
        if (predictions(self.model(x)) < 0).all():
            self.take_back("every score")

    def _measure(
        self, X: np.ndarray, y: np.ndarray, samples: int | None, after_batch: Callable[[], None]
    ) -> float:
        index, size = sample(samples, len(X), self.seed), self.batch_size
        return accuracy(self.model, X, y, self.normalization, size, index, after_batch)

    def _batch(self, index: np.ndarray) -> np.ndarray:
        X, normalization, dtype = self.X_train, self.normalization, model_dtype(self.model)
        return batches.gather(X, index, normalization, dtype, self.augment, self.epoch, self.seed)
