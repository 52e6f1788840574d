"""Configurations of recorded trainings: what a recipe and options give, and the digest of it."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace

import click

from cnnlite.cli import recipes
from cnnlite.cli.adapted import adapted
from cnnlite.cli.config import TrainConfig, options
from cnnlite.cli.flags import given_flags, new_config, of_recipe
from cnnlite.cli.train import train
from cnnlite.data import Dataset
from cnnlite.layers import Conv2d, Layer

__all__ = [
    "NAME",
    "configured",
    "differing",
    "digest",
    "digest_of_recipe",
    "multiply_of",
    "words_of",
]

NAME = "cifar10"
"""The data set of the record."""
OWN = (
    "--data", "--seed", "--out", "--resume", "--recipe", "--config", "--smoke", "--overfit",
    "--init", "--profile", "--watch", "--port", "--help",
)  # fmt: skip
"""Options that the command gives itself, or with which it is not the training that is meant."""
ASIDE = {"recipe", "data", "data_dir", "seed", "threads", "keep", "every_steps"}
"""Fields that trainings of one kind may differ in."""


def words_of(texts: Sequence[str]) -> list[str]:
    """Return the words of texts such as "--epochs 4".

    Raises:
        ValueError: one is the record's own.
    """
    words = [word for text in texts for word in shlex.split(text)]
    for word in words:
        if word.partition("=")[0] in OWN:
            raise ValueError(f"{word} cannot be an option of a recorded run")
    return words


def configured(recipe: str, words: Sequence[str], data: Dataset) -> TrainConfig:
    """Return the configuration of `cnnlite train --recipe RECIPE WORDS` for a data set.

    Raises:
        ValueError: there is no such recipe, or no such option.
    """
    try:
        context = train.make_context("train", ["--recipe", recipe, *words])
        names = {option.name for option in options()} | {"no_augment"}
        given = given_flags({key: context.params[key] for key in names})
        with context.scope():
            config, _ = adapted(new_config(None, given), data, frozenset(given))
    except click.ClickException as error:
        raise ValueError(error.format_message()) from error
    return replace(config, data=NAME, keep=0)


def digest(config: TrainConfig) -> str:
    """Return a digest of what decides a training besides its seed.

    Options that are as they are by default are left out, so that a new one changes no digest.
    """
    text = json.dumps(_deciding(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def digest_of_recipe(recipe: str) -> str | None:
    """Return that of a recipe as it is now; None if there is none of that name."""
    return digest(of_recipe(recipe, str)) if recipe in recipes.names() else None


def differing(config: TrainConfig, wanted: TrainConfig) -> list[str]:
    """Say which options of a configuration are not those that are wanted."""
    names = [name for name in asdict(config) if name not in ASIDE]
    pairs = [(name, getattr(config, name), getattr(wanted, name)) for name in names]
    return [f"{name} is {own!r}, not {other!r}" for name, own, other in pairs if own != other]


def multiply_of(model: Layer) -> str:
    """Say in what the 3x3 convolutions of a network multiply."""
    found = {layer.multiply for _, layer in model.leaves() if isinstance(layer, Conv2d)}
    return max(found - {"float32"}, default="float32")


def _deciding(config: TrainConfig) -> dict[str, object]:
    usual = asdict(TrainConfig())
    values = asdict(config).items()
    return {name: value for name, value in values if name not in ASIDE and value != usual[name]}
