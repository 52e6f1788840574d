"""Trainings on changed data, with and without regularisers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnlite.callbacks import Callback
from cnnlite.data import Dataset, RandomCropFlip
from cnnlite.layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential
from cnnlite.optim import SGD
from cnnlite.random import init_generator
from cnnlite.schedules import Cosine
from cnnlite.solver import Solver

REGULARISERS = ("none", "weight decay", "dropout", "augmentation")
WEIGHT_DECAY, DROPOUT = 5e-3, 0.5
BATCH, LR, MOMENTUM = 100, 0.03, 0.9
BY_HEART = 0.02
"""The loss at which a training has learnt all labels by heart, and ends."""


def network(dropout: float = 0.0, seed: int = 0) -> Sequential:
    """Return 16 and 32 filters of 3x3, each with ReLU and 2x2 pooling; 128 units; ten classes."""
    rng = init_generator(seed)
    return Sequential(
        Conv2d(3, 16, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2),
        Conv2d(16, 32, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2),
        Flatten(), Linear(2048, 128, rng=rng), ReLU(), Dropout(dropout),
        Linear(128, 10, rng=rng),
    )  # fmt: skip


@dataclass(frozen=True)
class Training:
    """The result of a training.

    Args:
        losses: the mean loss of each epoch.
        steps: the steps until the loss was below BY_HEART; all there were, if it never was.
        train_acc, val_acc: at the end, on all training and validation images.
    """

    losses: list[float]
    steps: int
    train_acc: float
    val_acc: float

    @property
    def by_heart(self) -> bool:
        return self.losses[-1] < BY_HEART


class _Stop(Callback):
    """Ends a training that has nothing left to learn."""

    def after_epoch(self, solver: Solver) -> None:
        if solver.history[-1]["loss"] < BY_HEART:
            solver.stop()


def solver_of(model: Sequential, data: Dataset, epochs: int, seed: int, **options: Any) -> Solver:
    """Return a Solver with what the trainings have in common, and other options of Solver."""
    return Solver(
        model,
        data,
        schedule=Cosine(),
        batch_size=BATCH,
        num_epochs=epochs,
        seed=seed,
        num_train_samples=BATCH,
        num_val_samples=BATCH,  # accuracies are measured at the end
        verbose=False,
        **options,
    )


def train(data: Dataset, epochs: int, regulariser: str = "none", seed: int = 0) -> Training:
    """Train the network until it knows all labels by heart, or for so many epochs.

    Args:
        data: what to learn.
        epochs: the most epochs there may be.
        regulariser: one of `REGULARISERS`.
        seed: seed of the weights, the batches and the masks.
    """
    solver = solver_of(
        network(DROPOUT if regulariser == "dropout" else 0.0, seed),
        data,
        epochs,
        seed,
        optimizer=SGD(
            LR, MOMENTUM, weight_decay=WEIGHT_DECAY if regulariser == "weight decay" else 0.0
        ),
        augment=RandomCropFlip() if regulariser == "augmentation" else None,
        callbacks=[_Stop()],
    )
    solver.train()
    return Training(
        [row["loss"] for row in solver.history],
        solver.step,
        solver.check_accuracy(data["X_train"], data["y_train"]),
        solver.check_accuracy(data["X_val"], data["y_val"]),
    )


def chance(data: Dataset) -> float:
    """Return the share of the commonest class: the accuracy without looking at the image."""
    return float(np.bincount(data["y_val"]).max() / len(data["y_val"]))
