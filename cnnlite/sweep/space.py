"""What an option of a sweep may be: one of a list, or a number of a range."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnlite.cli.config import NONE, ConfigError, is_list, value_type
from cnnlite.cli.config_checks import checked_value, known_option
from cnnlite.terminal import did_you_mean

__all__ = ["Choices", "Range", "Values", "drawn", "read_values"]

DIGITS = 6
"""Of a number that is drawn: more say nothing, and would fill tables."""
MOST_DRAWS = 100_000
"""Until a configuration is found that was not drawn before."""
FEW = 64
"""Values of a range that are each looked at before anything runs."""
KEYS = ("min", "max", "log", "step")


@dataclass(frozen=True)
class Choices:
    """The values of a list, each of which counts as much as any other."""

    values: tuple[Any, ...]
    log = False

    def draw(self, rng: np.random.Generator) -> Any:
        """Return one of them by chance."""
        return self.values[rng.integers(len(self.values))]

    def suggest(self, trial: Any, name: str) -> Any:
        """Return one that a trial of Optuna suggests."""
        return self.values[trial.suggest_categorical(name, list(range(len(self.values))))]

    @property
    def tried(self) -> tuple[Any, ...]:
        """Values that must be good ones for all to be good."""
        return self.values

    @property
    def count(self) -> float:
        """How many values there are."""
        return len(self.values)


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`, both of them included.

    Attributes:
        low, high: the ends.
        log: whether each power of ten counts as much as any other.
        step: between two neighbours, counted from `low`; None for all numbers.
        whole: whether they are whole numbers.
    """

    low: float
    high: float
    log: bool
    step: float | None
    whole: bool

    def draw(self, rng: np.random.Generator) -> Any:
        """Return one of them by chance, of six digits if it is no whole number."""
        place = float(rng.random())
        if self.step is not None:
            value = self.low + self.step * min(int(place * self.count), self.count - 1)
        elif self.whole:
            low, high = self.low - 0.5, self.high + 0.5
            value = round(_between(low, high, place, self.log))
        else:
            value = _between(self.low, self.high, place, self.log)
        return self._rounded(value)

    def _rounded(self, value: float) -> Any:
        number = value if self.whole else float(f"{value:.{DIGITS}g}")
        number = min(max(number, self.low), self.high)
        return int(number) if self.whole else number

    def suggest(self, trial: Any, name: str) -> Any:
        """Return one that a trial of Optuna suggests."""
        if self.whole:
            return trial.suggest_int(
                name, int(self.low), int(self._last), log=self.log, step=int(self.step or 1)
            )
        return trial.suggest_float(name, self.low, self._last, log=self.log, step=self.step)

    @property
    def tried(self) -> tuple[Any, ...]:
        """Values that must be good ones for all to be good: all of them, if they are few."""
        if self.count > FEW:
            return self._rounded(self.low), self._rounded(self._last)
        return tuple(self._rounded(self.low + (self.step or 1) * n) for n in range(int(self.count)))

    @property
    def _last(self) -> float:
        """The highest value, which is below `high` where `step` does not divide the range."""
        if self.step is None:
            return self.high
        value: float = self._rounded(self.low + self.step * (self.count - 1))
        return value

    @property
    def count(self) -> float:
        """How many values there are; infinite without a step."""
        step = self.step or (1 if self.whole else None)
        return math.inf if step is None else math.floor((self.high - self.low) / step + 1e-9) + 1


Values = Choices | Range


def _between(low: float, high: float, place: float, log: bool) -> float:
    if not log:
        return low + (high - low) * place
    return math.exp(math.log(low) + (math.log(high) - math.log(low)) * place)


def read_values(name: str, given: Any, spell: Callable[[str], str]) -> Values:
    """Read what a sweep's file gives for an option.

    Args:
        name: of the option of `cnnlite train`.
        given: a list of values, or a table of `min`, `max`, and maybe `log` or `step`.
        spell: how to write an option's name in a message.

    Raises:
        ConfigError: there is no such option, a value is none of its, a list is empty or has a
            value twice, or a range is none.
    """
    option = known_option(name, spell)
    if isinstance(given, Mapping):
        kind = str if is_list(option) else value_type(option)
        return _range(name, given, kind, spell)
    if not isinstance(given, list | tuple):
        raise ConfigError(
            f"{spell(name)} must be a list of values, as [{given!r}], or a table of min and max, "
            f"not {given!r}; a value that all trials share belongs into [train]"
        )
    if not given:
        raise ConfigError(f"{spell(name)} is an empty list: there would be no trial")
    values: list[Any] = []
    for item in given:
        value = plain(checked_value(name, item, spell))
        if any(value == other and type(value) is type(other) for other in values):
            raise ConfigError(f"{spell(name)} has {item!r} twice")
        values.append(value)
    return Choices(tuple(values))


def plain(value: Any) -> Any:
    """Return a value as JSON gives it back; one that is none as the word for it."""
    if value is None:
        return NONE
    return list(value) if isinstance(value, tuple) else value


def _range(name: str, given: Mapping[str, Any], kind: type, spell: Callable[[str], str]) -> Range:
    if kind not in (int, float):
        raise ConfigError(f"{spell(name)} is no number, and so needs a list of values, no range")
    for key in given:
        if key not in KEYS:
            raise ConfigError(f"unknown key {key!r} of {spell(name)}{did_you_mean(key, KEYS)}")
    for key in ("min", "max"):
        if key not in given:
            raise ConfigError(f"{spell(name)} has no {key}")
    low, high = (checked_value(name, given[key], spell) for key in ("min", "max"))
    if low is None or high is None:
        raise ConfigError(f"{spell(name)}: min and max must be numbers, not {NONE!r}")
    if not low < high:
        raise ConfigError(f"{spell(name)} must have a min below its max, not {low} and {high}")
    log, step = given.get("log", False), given.get("step")
    if type(log) is not bool:
        raise ConfigError(f"{spell(name)}: log must be true or false, not {log!r}")
    if log and low <= 0:
        raise ConfigError(f"{spell(name)}: log needs a min above 0, not {low}")
    if log and step is not None:
        raise ConfigError(f"{spell(name)} has log and step, of which one must go")
    if step is not None:
        good = type(step) is int if kind is int else type(step) in (int, float)
        if not good or not 0 < step <= high - low:
            what = "a whole number" if kind is int else "a number"
            raise ConfigError(f"{spell(name)}: step must be {what} up to {high - low}, not {step}")
    return Range(low, high, log, step, kind is int)


def drawn(search: str, over: Mapping[str, Values], trials: int, seed: int) -> list[dict[str, Any]]:
    """Return all configurations of a grid or a random search, in their order.

    Each random one has a stream of its own, so that more of them begin with the same.

    Args:
        search: "grid" or "random".
        over: by name, the values of each option.
        trials, seed: of a random search.
    """
    if search == "grid":
        lists = [values.tried for values in over.values()]
        return [dict(zip(over, row, strict=True)) for row in itertools.product(*lists)]
    seen: set[str] = set()
    found = []
    for number in range(trials):
        rng = np.random.default_rng([seed, number])
        for _ in range(MOST_DRAWS):
            options = {name: values.draw(rng) for name, values in over.items()}
            if json.dumps(options) not in seen:
                break
        seen.add(json.dumps(options))
        found.append(options)
    return found
