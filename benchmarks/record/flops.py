"""The floating-point operations of a training, counted by the definition of its layers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from cnnlite.cli import runs
from cnnlite.cli.config import TrainConfig
from cnnlite.cli.texts import later, train_sizes
from cnnlite.layers import Layer
from cnnlite.layers.profiling import work_of
from cnnlite.models import freeze_layers

__all__ = ["Phase", "epochs_within", "heaviest", "of_image", "of_training", "phases"]


class Phase(NamedTuple):
    """Epochs with images of one shape, (C, H, W), and with the same layers frozen, by patterns."""

    epochs: range
    shape: tuple[int, ...]
    frozen: tuple[str, ...]


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
    return images * sum(work for work, _ in _works(config, classes, shape, epochs))


def heaviest(config: TrainConfig, classes: int, shape: tuple[int, ...]) -> Phase:
    """Return the phase of a training that most of its work is in; arguments as `of_training`."""
    return max(_works(config, classes, shape, config.epochs), key=lambda each: each[0])[1]


def _works(
    config: TrainConfig, classes: int, shape: tuple[int, ...], epochs: int
) -> Iterator[tuple[float, Phase]]:
    """Yield the operations of each phase, for one image an epoch, and the phase."""
    model = runs.make_model(config, None, classes, shape)
    for phase in phases(config, shape, epochs):
        if phase.frozen:
            freeze_layers(model, *phase.frozen)
        yield len(phase.epochs) * of_image(model, phase.shape, model.frozen_keys), phase


def phases(config: TrainConfig, shape: tuple[int, ...], epochs: int) -> list[Phase]:
    """Return the phases of a training, in each of which a step does the same work."""
    sizes = None if config.train_sizes is None else train_sizes(config.train_sizes)
    parts = [later(text) or (0, text) for text in config.freeze]
    starts = sorted({0, *(sizes.sizes if sizes else ()), *(start for start, _ in parts)})
    starts = [start for start in starts if start < epochs]
    found = []
    for start, end in zip(starts, [*starts[1:], epochs], strict=True):
        small = sizes.resized((1, *shape), start)[1:] if sizes else shape
        frozen = tuple(pattern for first, pattern in parts if first <= start)
        found.append(Phase(range(start, end), small, frozen))
    return found


def epochs_within(
    seconds: float,
    config_of: Callable[[int], TrainConfig],
    shape: tuple[int, ...],
    took: Mapping[tuple[int, ...], float],
) -> int:
    """Return how many epochs can be trained in so many seconds, at least one.

    Args:
        seconds: of all steps.
        config_of: the configuration for a number of epochs.
        shape: of the data set's images.
        took: the seconds of an epoch, by the shape of the images that it trains on.
    """
    for epochs in itertools.count(1):
        parts = phases(config_of(epochs), shape, epochs)
        if sum(len(part.epochs) * took[part.shape] for part in parts) > seconds:
            break
    return max(1, epochs - 1)
