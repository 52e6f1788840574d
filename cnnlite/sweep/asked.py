"""What a sweep's file asks for, checked by the tables of `cnnlite train` before anything runs."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cnnlite.cli.config import ConfigError, TrainConfig, is_own
from cnnlite.cli.config_checks import checked, checked_value
from cnnlite.cli.flags import of_recipe
from cnnlite.data.errors import DataError
from cnnlite.data.unpickle import read_regular_file
from cnnlite.sweep.space import Choices, Values, drawn, plain, read_values
from cnnlite.terminal import did_you_mean
from cnnlite.training.callbacks.plateau import WATCHED

__all__ = [
    "Asked", "SAMPLERS", "SEARCHES", "in_a_line", "programs", "read", "read_file", "resolved",
]  # fmt: skip

MAX_BYTES = 64 * 1024
MOST_TRIALS = 100_000
TABLES = ("sweep", "train", "over", "halving")
SEARCHES = ("grid", "random", "optuna")
SAMPLERS: dict[str, tuple[str, ...]] = {
    "TPESampler": (),
    "RandomSampler": (),
    "CmaEsSampler": ("cmaes",),
    "GPSampler": ("scipy", "torch"),
    "NSGAIISampler": (),
    "NSGAIIISampler": (),
    "QMCSampler": ("scipy",),
}
"""Of Optuna, those that are made with nothing but a seed, and the packages that each needs."""
MOST_CORNERS = 1024
"""Configurations of a sweep by Optuna that are checked, at most, in every combination."""


@dataclass(frozen=True)
class Asked:
    """A sweep as it was asked for.

    Attributes:
        search: one of SEARCHES.
        over: by name, the values of each option that differs, but for the seed.
        fixed: the options that all trials share, but for the seed.
        seeds: that each configuration is trained with.
        trials: configurations that are drawn or proposed; of a grid, all there are.
        seed: of what is drawn or proposed.
        metric: what trials are judged by: an accuracy or a loss, of the best epoch for it.
        sampler: of Optuna.
        batch: configurations that the sampler proposes before it hears of any of them.
        reduction: of successive halving, one in so many goes on; None trains all to the end.
        first: epochs after which it halves first.
    """

    search: str
    over: dict[str, Values]
    fixed: dict[str, Any]
    seeds: tuple[int, ...]
    trials: int
    seed: int = 0
    metric: str = "val_acc"
    sampler: str = "TPESampler"
    batch: int = 8
    reduction: int | None = None
    first: int = 1
    tables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """Epochs of a whole trial, where all have the same."""
        return int(resolved(self.fixed).epochs)

    @property
    def rungs(self) -> list[int]:
        """Epochs after which trials are compared, the last of them the end."""
        if self.reduction is None:
            return []
        count = math.ceil(math.log(self.epochs / self.first, self.reduction) + 1)
        steps = [self.first * self.reduction**rung for rung in range(max(count, 0))]
        return [*(step for step in steps if step < self.epochs), self.epochs]

    @property
    def stages(self) -> Sequence[int | None]:
        """The rungs; None where trials are trained to the end at once."""
        return self.rungs or [None]

    @property
    def differing(self) -> list[str]:
        """The options that differ between trials, the seed last."""
        return [*self.over, *(["seed"] if len(self.seeds) > 1 else [])]

    @property
    def known(self) -> list[dict[str, Any]]:
        """The configurations that are known before any is trained.

        Of what Optuna will propose, every combination of values and ends of ranges, or, where
        these are very many, each of them beside the first of all others.
        """
        if self.search != "optuna":
            return drawn(self.search, self.over, self.trials, self.seed)
        tried = {name: values.tried for name, values in self.over.items()}
        if math.prod(map(len, tried.values())) <= MOST_CORNERS:
            return [
                dict(zip(tried, row, strict=True)) for row in itertools.product(*tried.values())
            ]
        first = {name: values[0] for name, values in tried.items()}
        return [first | {name: value} for name, values in tried.items() for value in values]

    @property
    def combinations(self) -> float:
        """How many configurations there can be; infinite with a range."""
        return math.prod(values.count for values in self.over.values())


def read_file(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: it is none, or too large.
        OSError: it cannot be read.
    """
    try:
        return tomllib.loads(read_regular_file(path, MAX_BYTES).decode("utf-8"))
    except DataError as error:
        raise ConfigError(str(error)) from None
    except ValueError as error:
        raise ConfigError(f"{path} is not a TOML file: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path} is no sweep: nested too deeply") from None


def read(tables: Mapping[str, Any], name: str = "the sweep") -> Asked:
    """Check what a sweep's file holds, all of it, every configuration included.

    Args:
        tables: `sweep`, `train`, `over` and `halving`, as a TOML file has them.
        name: of the file, for messages.

    Raises:
        ConfigError: an unknown table or option, a bad value, an option or a value given twice, an
            empty list, or options that do not fit one another; the message names it.
    """
    for key, table in tables.items():
        if key not in TABLES:
            near = did_you_mean(key, TABLES)
            if not isinstance(table, Mapping):
                near += "; options of cnnlite train belong into [train] or [over]"
            raise ConfigError(f"unknown table {key!r} in {name}{near}")
        if not isinstance(table, Mapping):
            raise ConfigError(f"{key!r} in {name} must be a table, not {table!r}")

    def spell(table: str) -> Callable[[str], str]:
        return lambda key: f"{key!r} in [{table}] of {name}"

    train, given = tables.get("train", {}), tables.get("over", {})
    for option in given:
        if option in train:
            raise ConfigError(f"{option!r} is given twice in {name}: in [train] and in [over]")
    fixed = {key: plain(checked_value(key, train[key], spell("train"))) for key in train}
    over = {key: read_values(key, given[key], spell("over")) for key in given}
    if not over:
        raise ConfigError(f"{name} has no [over], which says what options the sweep goes over")
    seeds = over.pop("seed", Choices((fixed.pop("seed", 0),)))
    if not isinstance(seeds, Choices):
        raise ConfigError(
            f"{spell('over')('seed')} must be a list: seeds are not searched, each configuration "
            "is trained with every one"
        )
    own = _own_options(tables.get("sweep", {}), spell("sweep"))
    own |= _halving(tables["halving"], spell("halving")) if "halving" in tables else {}
    asked = Asked(over=over, fixed=fixed, seeds=seeds.values, tables=tables, **own)
    asked = _counted(asked, spell)
    _check_configurations(asked, name)
    if asked.reduction is not None:
        _check_rungs(asked, spell("halving"))
    return asked


def resolved(
    options: Mapping[str, Any], spell: Callable[[str], str] = lambda name: repr(name)
) -> TrainConfig:
    """Return what `cnnlite train` makes of options; nothing is kept for reports unasked.

    Raises:
        ConfigError: they do not fit one another.
    """
    begun = replace(of_recipe(options.get("recipe"), spell), keep=0)
    config = checked(begun, options, spell)
    if config.recipe and config.model != begun.model:
        raise ConfigError(f"the recipe {config.recipe} trains {begun.model}: leave 'model' out")
    return config


def _own_options(given: Mapping[str, Any], spell: Callable[[str], str]) -> dict[str, Any]:
    """Check the table `sweep`."""
    known = ("search", "trials", "seed", "metric", "sampler", "batch")
    _check_keys(given, known, spell)
    found = dict(given)
    found.setdefault("search", "grid")
    for key, choices in (("search", SEARCHES), ("metric", WATCHED), ("sampler", SAMPLERS)):
        if key in found and found[key] not in choices:
            near = did_you_mean(str(found[key]), choices)
            there = near or f"; there are {', '.join(choices)}"
            raise ConfigError(f"{spell(key)} cannot be {found[key]!r}{there}")
    for key, least in (("trials", 1), ("batch", 1), ("seed", 0)):
        if key in found:
            _check_whole(found[key], least, spell(key))
    search = found["search"]
    for key, of in (
        ("trials", ("random", "optuna")), ("seed", ("random", "optuna")),
        ("sampler", ("optuna",)), ("batch", ("optuna",)),
    ):  # fmt: skip
        if key in found and search not in of:
            raise ConfigError(f"{spell(key)} is for {' and '.join(of)}, and the search is {search}")
    found.setdefault("trials", 0)
    return found


def _halving(given: Mapping[str, Any], spell: Callable[[str], str]) -> dict[str, int]:
    _check_keys(given, ("reduction", "first"), spell)
    found = {"reduction": 3, "first": 1, **given}
    for key, least in (("reduction", 2), ("first", 1)):
        _check_whole(found[key], least, spell(key))
    return found


def _check_keys(given: Mapping[str, Any], known: tuple[str, ...], spell: Any) -> None:
    for key in given:
        if key not in known:
            raise ConfigError(f"unknown key {spell(key)}{did_you_mean(key, known)}")


def _check_whole(value: Any, least: int, name: str) -> None:
    if type(value) is not int or not least <= value <= 2**63 - 1:
        raise ConfigError(f"{name} must be a whole number of at least {least}, not {value!r}")


def _counted(asked: Asked, spell: Callable[[str], Callable[[str], str]]) -> Asked:
    """Return the sweep with the number of its trials, if that is one that can be."""
    combinations = asked.combinations
    if asked.search == "grid":
        for key, values in asked.over.items():
            if not isinstance(values, Choices):
                raise ConfigError(
                    f"{spell('over')(key)} is a range, of which a grid does not know the values: "
                    'give a list, or search = "random"'
                )
        asked = replace(asked, trials=int(combinations))
    elif not asked.trials:
        raise ConfigError(f"{spell('sweep')('trials')} is missing: {asked.search} needs a number")
    elif asked.search == "random" and asked.trials > combinations:
        raise ConfigError(
            f"{spell('sweep')('trials')} is {asked.trials}, but there are only {combinations:.0f} "
            "combinations"
        )
    if asked.trials * len(asked.seeds) > MOST_TRIALS:
        raise ConfigError(
            f"there would be {asked.trials * len(asked.seeds):,} trials, of {MOST_TRIALS:,} at most"
        )
    if not asked.over and asked.search == "optuna":
        raise ConfigError(f"{spell('sweep')('search')}: optuna has nothing to propose but seeds")
    return asked


def _check_configurations(asked: Asked, name: str) -> None:
    """Raise ConfigError unless options fit one another, in every configuration that is known."""
    for options in asked.known:
        try:
            resolved({**asked.fixed, **options})
        except ConfigError as error:
            raise ConfigError(f"{name}, with {in_a_line(options)}: {error}") from None


def in_a_line(options: Mapping[str, Any]) -> str:
    """Return options of a configuration for a message."""
    return ", ".join(f"{key} = {value!r}" for key, value in options.items()) or "any seed"


def _check_rungs(asked: Asked, spell: Callable[[str], str]) -> None:
    """Raise ConfigError unless trials can be compared before their end."""
    if "epochs" in asked.over or "smoke" in asked.over or asked.fixed.get("smoke"):
        raise ConfigError(
            f"{spell('reduction')}: successive halving compares trials after the same epochs of as "
            "many, so [over] can have neither epochs nor smoke"
        )
    if "recipe" in asked.over and "epochs" not in asked.fixed:
        raise ConfigError(f"{spell('reduction')}: with several recipes, [train] must say epochs")
    if asked.first >= asked.epochs:
        raise ConfigError(
            f"{spell('first')} is {asked.first}, and must be below the epochs, which are "
            f"{asked.epochs}"
        )


def programs(asked: Asked) -> list[str]:
    """Return the programs, FILE.py:FUNCTION, that a sweep would run."""
    models = [asked.fixed.get("model", "")]
    values = asked.over.get("model")
    models += values.values if isinstance(values, Choices) else []
    return [model for model in models if is_own(model)]
