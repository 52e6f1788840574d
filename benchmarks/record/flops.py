"""The floating-point operations of a training, counted by the definition of its layers."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from cnnlite.cli import runs
from cnnlite.cli.config import TrainConfig
from cnnlite.cli.texts import later, train_sizes
from cnnlite.layers import Layer
from cnnlite.layers.profiling import work_of
from cnnlite.models import freeze_layers

__all__ = ["of_image", "of_training"]


def of_image(model: Layer, shape: tuple[int, ...], frozen: Collection[str] = ()) -> float:
    """Return those of a training step, for one image: forwards, and the products of backward.

    A layer has one product forwards, one for the gradient of its weights unless they are frozen,
    and one for that of its input if anything before it is trained.

    Args:
        model: the network; it stays as it is.
        shape: of an image, (C, H, W).
        frozen: keys of parameters that are not trained.
    """
    total, trained_below = 0, False
    for path, flops in work_of(model, np.zeros((2, *shape), np.float32), 1).items():
        if not path:  # the network itself
            continue
        own = [key for key in model.params if key.rpartition(".")[0] == path]
        weights = f"{path}.weight" in own and f"{path}.weight" not in frozen
        total += flops * (1 + weights + trained_below)
        trained_below |= not set(own) <= set(frozen)
    return total


def of_training(
    config: TrainConfig, classes: int, shape: tuple[int, ...], images: int, epochs: int
) -> float:
    """Return those of a training, with its image sizes and frozen layers of each epoch.

    Args:
        config: the training's configuration.
        classes: scores of the network.
        shape: of an image of the data set, (C, H, W).
        images: that an epoch takes.
        epochs: how many there were.
    """
    model = runs.make_model(config, None, classes, shape)
    sides = {0: shape[1]} if config.train_sizes is None else train_sizes(config.train_sizes).sizes
    known: dict[tuple[int, tuple[str, ...]], float] = {}
    total = 0.0
    for epoch in range(epochs):
        side = sides[max(start for start in sides if start <= epoch)]
        parts = [later(text) or (0, text) for text in config.freeze]
        patterns = tuple(pattern for start, pattern in parts if start <= epoch)
        if (side, patterns) not in known:
            freeze_layers(model, *patterns)
            known[side, patterns] = of_image(model, (shape[0], side, side), model.frozen_keys)
        total += images * known[side, patterns]
    return total
