"""SGD on a ConvNet: its loss on all images, before and after each step on a few of them."""

from typing import NamedTuple

import numpy as np

from cnnlite.data import batches
from cnnlite.labs.lab import pixels as pixels
from cnnlite.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from cnnlite.losses import CrossEntropyLoss
from cnnlite.optim import SGD

CHUNK = 250  # images at a time where all are evaluated

Grads = dict[str, np.ndarray]


class Course(NamedTuple):
    """The losses of a training: of all images, and of each step's batch before and after it."""

    batch_size: int
    full: np.ndarray  # (steps + 1,): of all images
    before: np.ndarray  # (steps,): of the step's batch
    after: np.ndarray  # (steps,): of the same batch, after the step

    @property
    def rises(self) -> np.ndarray:
        """Whether the full loss rose, (steps,)."""
        return np.diff(self.full) > 0


def convnet(rng: np.random.Generator, dtype: type = np.float32) -> Sequential:
    """Return 3x3 convolutions (two, with ReLU and pooling) and a linear layer: 11,000 weights."""
    return Sequential(
        Conv2d(3, 8, 3, padding=1, rng=rng, dtype=dtype), ReLU(), MaxPool2d(2),
        Conv2d(8, 16, 3, padding=1, rng=rng, dtype=dtype), ReLU(), MaxPool2d(2),
        Flatten(), Linear(16 * 8 * 8, 10, rng=rng, dtype=dtype),
    )  # fmt: skip


def loss_of(model: Sequential, x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean loss of all images."""
    loss = CrossEntropyLoss(reduction="sum")
    starts = range(0, len(x), CHUNK)
    total = sum(float(loss(model(x[i : i + CHUNK]), y[i : i + CHUNK])) for i in starts)
    return total / len(x)


def gradient(model: Sequential, x: np.ndarray, y: np.ndarray) -> tuple[float, Grads]:
    """Return the mean loss of some images, and its gradient."""
    loss = CrossEntropyLoss()
    scores, cache = model.forward(x)
    value, loss_cache = loss.forward(scores, y)
    _, grads = model.backward(loss.backward(loss_cache), cache, need_dx=False)
    return float(value), {key: grad for key, grad in grads.items() if grad is not None}


def train(
    model: Sequential,
    x: np.ndarray,
    y: np.ndarray,
    batch_size: int,
    steps: int,
    lr: float,
    seed: int,
) -> Course:
    """Train by SGD without momentum, and measure the loss of all images after each step.

    Args:
        model: trained in place.
        x, y: all images (N, 3, 32, 32), normalised, and their labels.
        batch_size: a divisor of N; with N itself it is gradient descent.
        steps: how many.
        lr: the learning rate.
        seed: fixes the order of the images.
    """
    optimizer = SGD(lr)
    per_epoch = len(x) // batch_size
    full, before, after = [loss_of(model, x, y)], [], []
    for t in range(steps):
        order = batches.epoch_order(len(x), t // per_epoch, seed)
        index = order[t % per_epoch * batch_size :][:batch_size]
        value, grads = gradient(model, x[index], y[index])
        optimizer.step(model.params, grads)
        before.append(value)
        after.append(loss_of(model, x[index], y[index]))
        full.append(loss_of(model, x, y))
    return Course(batch_size, *map(np.array, (full, before, after)))


def unbiased_error(
    x: np.ndarray, y: np.ndarray, batch_size: int, rng: np.random.Generator
) -> float:
    """Return by how much the mean of all batches' gradients is not the full loss's gradient.

    They are equal, because the loss is a mean over images, and the derivative of a mean is the mean
    of the derivatives.  So steps go down the full loss on average, though no single one needs to.

    Returns:
        The largest difference for a random network in float64, relative to the largest entry.
    """
    model = convnet(rng, np.float64)
    _, whole = gradient(model, x, y)
    parts = [gradient(model, x[i : i + batch_size], y[i : i + batch_size])[1]
             for i in range(0, len(x), batch_size)]  # fmt: skip
    error = 0.0
    for key, expected in whole.items():
        mean = sum(part[key] for part in parts) / len(parts)
        error = max(error, float(np.abs(mean - expected).max() / np.abs(expected).max()))
    return error
