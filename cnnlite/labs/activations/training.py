"""The same ConvNet with each activation, on data."""

from collections.abc import Mapping

import numpy as np

from cnnlite.data import Dataset
from cnnlite.labs.activations.theory import ACTIVATIONS
from cnnlite.layers import Conv2d, Flatten, Linear, MaxPool2d, Sequential
from cnnlite.optim import SGD
from cnnlite.solver import Solver

BATCH, LR = 50, 0.03


def convnet(activation: str, seed: int) -> Sequential:
    """Return three 3x3 convolutions, each with the activation and pooling, and a linear layer.

    The same seed gives the same first weights, whatever the activation is.
    """
    rng = np.random.default_rng(seed)
    g = ACTIVATIONS[activation]
    return Sequential(
        Conv2d(3, 16, 3, padding=1, rng=rng), g, MaxPool2d(2),
        Conv2d(16, 32, 3, padding=1, rng=rng), g, MaxPool2d(2),
        Conv2d(32, 32, 3, padding=1, rng=rng), g, MaxPool2d(2),
        Flatten(), Linear(32 * 4 * 4, 10, rng=rng),
    )  # fmt: skip


def train(images: Dataset, activation: str, epochs: int, seed: int) -> Mapping[str, list[float]]:
    """Train with SGD of `LR` and momentum 0.9.

    Returns:
        The mean loss of each epoch, "loss", and the validation accuracy after it, "val_acc".
    """
    solver = Solver(
        convnet(activation, seed), images, optimizer=SGD(LR, momentum=0.9), batch_size=BATCH,
        num_epochs=epochs, num_train_samples=100, seed=seed, verbose=False,
    )  # fmt: skip
    solver.train()
    return {key: [row[key] for row in solver.history] for key in ("loss", "val_acc")}
