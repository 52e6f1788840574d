"""What a recipe becomes for another data set than it was made for, or for fewer epochs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnnlite.cli import recipes
from cnnlite.cli.config import TrainConfig
from cnnlite.cli.texts import later, rates_times, train_sizes

if TYPE_CHECKING:
    from cnnlite.data import Dataset

__all__ = ["adapted"]

Change = tuple[str, Any, str]
"""An option, its new value, and the words that tell it."""

FEWEST_STEPS = 20  # of an epoch, which smaller batches are taken for
SMALLEST_BATCH = 16
USUAL_SIDE = 32  # pixels, of the images that recipes are made for
MOST_PIXELS = 2000 * USUAL_SIDE**2
"""Of a batch: those of the largest one of the recipes, which takes 2.4 GB."""
DIGITS = ("mnist", "svhn")
MIRRORS = ("flip", "alternate")


def adapted(
    config: TrainConfig, data: Dataset, fixed: frozenset[str]
) -> tuple[TrainConfig, list[str]]:
    """Return a configuration with a recipe's options as they make sense for a data set.

    Args:
        config: the configuration, which may have no recipe.
        data: its data set.
        fixed: names of options that were given, and stay.

    Returns:
        The configuration, and a sentence for each change.
    """
    if config.recipe is None:
        return config, []
    usual = recipes.options(config.recipe)
    notes: list[str] = []
    for adapt in (_epochs, _sizes, _batches, _rates, _digits):
        for name, value, note in adapt(config, data, usual):
            if name not in fixed and value != getattr(config, name):
                config = replace(config, **{name: value})
                notes += [note] * (note not in notes)
    return config, notes


def _epochs(config: TrainConfig, data: Dataset, usual: Mapping[str, Any]) -> Iterator[Change]:
    """What begins in an epoch begins in the same part of a shorter or longer training."""
    share = config.epochs / usual["epochs"]
    if share == 1:
        return

    reason = f"as there are {config.epochs} epochs in the place of {usual['epochs']}"
    starts = {text: later(text) for text in config.freeze}
    # What is trained at first is so for an epoch at least.
    moved = {text: f"{at[1]}@{at[0] and max(1, round(at[0] * share))}"
             for text, at in starts.items() if at}  # fmt: skip
    freeze = tuple(moved.get(text, text) for text in config.freeze)
    yield "freeze", freeze, f"freeze {', '.join(moved.values())}, {reason}"
    if config.train_sizes is not None:
        last, sides = config.epochs - 1, train_sizes(config.train_sizes).sizes
        # Where several begin in one epoch, the last of them does, which the network is tested with.
        sizes = _told({min(last, round(start * share)): side for start, side in sides.items()})
        yield "train_sizes", sizes, f"train_sizes {sizes}, {reason}"


def _sizes(config: TrainConfig, data: Dataset, usual: Mapping[str, Any]) -> Iterator[Change]:
    """Images that are smaller at first are so in proportion."""
    side = min(data.image_shape[1:])
    if config.train_sizes is not None and side != USUAL_SIDE:
        sizes = train_sizes(config.train_sizes).sizes
        small = {start: max(1, round(size * side / USUAL_SIDE)) for start, size in sizes.items()}
        told = _told(small)
        yield "train_sizes", told, f"train_sizes {told}, as images have {side} pixels"


def _told(sizes: Mapping[int, int]) -> str:
    """Return sizes as `--train-sizes` has them."""
    return ",".join(f"{side}@{start}" if start else str(side) for start, side in sizes.items())


def _batches(config: TrainConfig, data: Dataset, usual: Mapping[str, Any]) -> Iterator[Change]:
    """Few images make an epoch of enough steps, and large ones fit the memory."""
    (height, width), count = data.image_shape[1:], len(data["X_train"])
    count = min(count, config.overfit or count)
    largest = {
        f"they are {height}x{width}": MOST_PIXELS // (height * width),
        f"there are {count:,}": count // FEWEST_STEPS,
    }
    reason = min(largest, key=lambda reason: largest[reason])
    fitting = max(min(SMALLEST_BATCH, count), largest[reason])
    if fitting < config.batch_size:
        whole = usual["batch_size"]
        note = f"batches of {fitting:,} images in the place of {whole:,}, as {reason}"
        yield "batch_size", fitting, note


def _rates(config: TrainConfig, data: Dataset, usual: Mapping[str, Any]) -> Iterator[Change]:
    """An image's step is the rate over the batch, as losses are means over a batch."""
    share = config.batch_size / usual["batch_size"]
    note = f"learning rates of sgd times {share:.3g}, as batches are"
    if share == 1:
        return
    if config.optimizer == "sgd" and config.lr is not None:
        yield "lr", config.lr * share, note
    yield "group", tuple(rates_times(text, share, "sgd") for text in config.group), note


def _digits(config: TrainConfig, data: Dataset, usual: Mapping[str, Any]) -> Iterator[Change]:
    """Digits have a side."""
    if data.settings["kind"] not in DIGITS:
        return
    if isinstance(config.augment, str):
        words = [word.strip() for word in config.augment.split(",")]
        if not set(words).isdisjoint(MIRRORS):
            kept = ",".join(word for word in words if word not in MIRRORS)
            yield "augment", kept or "none", "no mirror images, as these are digits"
    yield "tta", "none", "no test-time augmentation, which mirrors"
