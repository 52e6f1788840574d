"""What a configuration becomes: a network with its first weights, and its Solver."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from cnnlite import Solver, initializers, losses, optim
from cnnlite.cli import keeping, runs
from cnnlite.cli.config import LOSSES, PLATEAU, ConfigError, TrainConfig
from cnnlite.cli.config_checks import optimizer_options
from cnnlite.cli.own_model import OwnModel
from cnnlite.cli.texts import later, train_sizes
from cnnlite.data import (
    Augment,
    Compose,
    Dataset,
    RandomCropFlip,
    augmentation,
    batches,
)
from cnnlite.layers import Layer, SyncBatchNorm
from cnnlite.models import freeze_layers, load_matching
from cnnlite.optim.schedules import SCHEDULES
from cnnlite.training.callbacks import Callback, EarlyStopping, Freeze, ReduceLROnPlateau
from cnnlite.training.checkpoint import Checkpoint
from cnnlite.training.splits import find_normalization, sample

WHITENED = 5000
"""Training images that a whitening is told from, at most."""


def make_solver(
    config: TrainConfig,
    data: Dataset,
    own: OwnModel | None,
    weights: Mapping[str, np.ndarray] | None,
    path: Path,
    verbose: bool,
    *callbacks: Any,
) -> Solver:
    """Return the Solver of a run, and say which weights it begins with and which are frozen.

    Args:
        config: the run's configuration.
        data: its data set.
        own: the network of one's own, None for one of the zoo.
        weights: those of `--init`, None for fresh ones.
        path: the run folder, where the checkpoint goes.
        verbose: whether progress is shown.
        callbacks: as Solver takes them.

    Raises:
        ValueError, TypeError: network, weights, frozen layers and data do not fit one another.
    """
    model = runs.make_model(config, own, len(data.class_names), data.image_shape)
    if config.sync_batch_norm:
        model = SyncBatchNorm.convert_sync_batchnorm(model)
    if config.whiten is not None:
        _whiten(model, config.whiten, data, config.seed)
    if weights is not None:
        _begin_with(model, weights, str(config.init))
    if config.freeze:
        _freeze(model, config)
    return Solver(
        model,
        data,
        loss=_loss(config),
        optimizer=optim.OPTIMIZERS[config.optimizer](**optimizer_options(config)),
        schedule=_schedule(config.schedule),
        augment=_augmentation(config),
        batch_size=config.batch_size,
        num_epochs=1 if config.smoke else config.epochs,
        overfit=config.batch_size if config.smoke else config.overfit,
        seed=config.seed,
        callbacks=[*callbacks, *_callbacks(config), *keeping.callbacks(config, path)],
        checkpoint=Checkpoint(path / runs.CHECKPOINT, config.every_steps),
        verbose=verbose,
        drop_last=config.drop_last,
        clip_norm=config.clip_norm,
        shards=config.shards,
        # Without a warm-up the first epochs would be those of the weights at the start.
        ema=None if config.ema is None else optim.EMA(config.ema, warmup=True),
    )


def _freeze(model: Layer, config: TrainConfig) -> None:
    """Freeze what is frozen from the beginning, and say how many parameters that is, and when more.

    What is frozen later is only tried; callbacks do it.
    """
    starts: dict[int, list[str]] = {}
    for text in config.freeze:
        epoch, pattern = later(text) or (0, text)
        starts.setdefault(epoch, []).append(pattern)
    at_once = starts.pop(0, sorted(model.frozen_keys))
    every = [*at_once]
    epochs = f"{config.epochs} epoch{'s'[: config.epochs > 1]}"
    try:
        counts = [_count_frozen(model, at_once)]
        for epoch in sorted(starts):
            every += starts[epoch]
            counts.append(_count_frozen(model, every))
        freeze_layers(model, *at_once)
    except ValueError as error:
        strange = [text for text in config.freeze if "@" in text and not later(text)]
        hint = f"; {strange[0]!r} has no number of epochs after the @" if strange else ""
        raise ConfigError(f"--freeze: {_reason(error)}{hint}") from error
    told = f"{counts[0]:,} of {model.num_params:,} parameters are frozen"
    for before, count, epoch in zip(counts, counts[1:], sorted(starts), strict=False):
        if epoch < config.epochs:
            told += f", {count - before:,} more after {epoch} epoch{'s'[: epoch > 1]}"
        else:
            told += f"; {', '.join(starts[epoch])} after {epoch} of {epochs}: never"
    click.echo(told)


def _count_frozen(model: Layer, patterns: list[str]) -> int:
    freeze_layers(model, *patterns)
    return sum(model.params[key].size for key in model.params if key in model.frozen_keys)


def _whiten(model: Layer, layer: str, data: Dataset, seed: int) -> None:
    """Set a layer's filters to the whitening of some training images."""
    weight = model.params.get(f"{layer}.weight")
    if weight is None:
        raise ConfigError(
            f"--whiten {layer}: there is no {layer}.weight, only {', '.join(model.params)}"
        )
    X = data["X_train"]
    index = sample(WHITENED, len(X), seed)
    index = np.arange(len(X)) if index is None else index
    images = batches.gather(X, index, find_normalization(data, X), weight.dtype)
    try:
        initializers.whitening(weight, images)
    except ValueError as error:
        raise ConfigError(f"--whiten {layer}: {_reason(error)}") from error


def _augmentation(config: TrainConfig) -> Augment | None:
    """Return a configuration's augmentation; true is crops and flips."""
    names = config.augment
    found: Augment | None = RandomCropFlip() if names is True else None
    if isinstance(names, str):
        found = augmentation(names)
    if config.overfit:
        found = None
    if config.train_sizes is None:
        return found
    smaller = train_sizes(config.train_sizes)
    return Compose([smaller] if found is None else [found, smaller])


def _begin_with(model: Layer, weights: Mapping[str, np.ndarray], init: str) -> None:
    """Give a network what fits it of another run's weights, and say what does not."""
    try:
        matching = load_matching(model, weights)
    except ValueError as error:
        raise ConfigError(f"--init {init}: {_reason(error)}") from error
    fresh = [f"{key} ({_shape(weights[key])} there)" for key in matching.differing]
    fresh += [f"{key} (not there)" for key in matching.missing]
    text = f"{len(matching.loaded)} of {len(model.state_dict())} arrays are those of {init}"
    click.echo(f"{text}; fresh: {', '.join(fresh)}" if fresh else text)


def _reason(error: ValueError) -> str:
    """Return a message without the name of the function that it begins with."""
    return str(error).partition(": ")[2]


def _shape(array: np.ndarray) -> str:
    return "x".join(map(str, array.shape)) or "one number"


def _loss(config: TrainConfig) -> losses.Loss[Any]:
    smoothing = config.label_smoothing
    options = {"label_smoothing": smoothing} if smoothing else {}
    found: losses.Loss[Any] = getattr(losses, LOSSES[config.loss])(**options)
    return found


def _callbacks(config: TrainConfig) -> list[Callback]:
    found: list[Callback] = [Freeze(*text) for text in map(later, config.freeze) if text]
    if config.schedule == PLATEAU:
        found.append(ReduceLROnPlateau())
    if config.patience is not None:
        found.append(EarlyStopping(config.patience))
    return found


def _schedule(name: str) -> Any:
    if name == PLATEAU:
        return None
    # Where the class itself has no default: tenfold down at each third, or at 1/2 and 3/4 as in the
    # residual networks' paper.
    arguments: dict[str, tuple[Any, ...]] = {"step": (1 / 3,), "multistep": ((0.5, 0.75),)}
    return SCHEDULES[name](*arguments.get(name, ()))
