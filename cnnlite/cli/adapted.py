"""What a recipe becomes for another data set than it was made for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnnlite.cli import recipes
from cnnlite.cli.config import TrainConfig
from cnnlite.cli.texts import rates_times

if TYPE_CHECKING:
    from cnnlite.data import Dataset

__all__ = ["adapted"]

FEWEST_STEPS = 20  # of an epoch, which smaller batches are taken for
SMALLEST_BATCH = 16
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
    changes: dict[str, Any] = {}
    notes: list[str] = []
    if config.recipe is None:
        return config, notes
    images, usual = len(data["X_train"]), recipes.options(config.recipe)["batch_size"]
    batch = config.batch_size
    fitting = max(min(SMALLEST_BATCH, images), images // FEWEST_STEPS)
    if fitting < batch and "batch_size" not in fixed:
        changes["batch_size"] = batch = fitting
        notes.append(
            f"batches of {batch:,} images in the place of {usual:,}, as there are {images:,}"
        )
    # Losses are means over a batch, so the step that an image gets is the rate over the batch.
    rates: dict[str, Any] = {}
    if config.optimizer == "sgd" and config.lr is not None:
        rates["lr"] = config.lr * (batch / usual)
    rates["group"] = tuple(rates_times(text, batch / usual, "sgd") for text in config.group)
    rates = {name: x for name, x in rates.items() if name not in fixed}
    if batch != usual and any(x != getattr(config, name) for name, x in rates.items()):
        changes |= rates
        notes.append(f"learning rates of sgd times {batch / usual:.3g}, as batches are")
    if data.settings["kind"] in DIGITS:
        if isinstance(config.augment, str) and "augment" not in fixed:
            words = [word.strip() for word in config.augment.split(",")]
            kept = [word for word in words if word not in MIRRORS]
            if kept != words:
                changes["augment"] = ",".join(kept) or "none"
                notes.append("no mirror images, as these are digits")
        if config.tta != "none" and "tta" not in fixed:
            changes["tta"] = "none"
            notes.append("no test-time augmentation, which mirrors")
    return replace(config, **changes), notes
