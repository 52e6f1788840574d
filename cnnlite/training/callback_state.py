"""What callbacks want to keep in a checkpoint: arrays, and values that JSON can say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

PREFIX = "callback/"


class RefusedState(Exception):
    """A callback does not take what a checkpoint holds for it."""


def names(callbacks: Iterable[Any]) -> list[str]:
    """Name each callback by its class, and by a number: the first, the second of that class."""
    seen: Counter[str] = Counter()
    found = []
    for callback in callbacks:
        kind = type(callback).__qualname__
        found.append(f"{kind}#{seen[kind]}")
        seen[kind] += 1
    return found


def collect(callbacks: Iterable[Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return copies of the callbacks' arrays by PREFIX, callback and name; and their plain values.

    Raises:
        TypeError: a state is no mapping, or holds something else; the message names the callback.
    """
    arrays: dict[str, np.ndarray] = {}
    plain: dict[str, Any] = {}
    for name, callback in zip(names(callbacks), callbacks, strict=True):
        if not hasattr(type(callback), "state_dict"):
            continue
        state = callback.state_dict()
        if not isinstance(state, Mapping):
            raise TypeError(f"{name}.state_dict gives {state!r:.60}, expected a mapping")
        rest = {}
        for key, value in state.items():
            if isinstance(value, np.ndarray):
                arrays[f"{PREFIX}{name}/{key}"] = value.copy()
            else:
                rest[key] = value.item() if isinstance(value, np.generic) else value
        try:
            plain[name] = json.loads(json.dumps(rest))  # a copy, as it will come back
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name}.state_dict cannot be written to a file: {error}") from error
    with_arrays = {key.split("/")[1] for key in arrays}
    return arrays, {name: rest for name, rest in plain.items() if rest or name in with_arrays}


def hand_back(
    callbacks: Iterable[Any], arrays: Mapping[str, np.ndarray], plain: Mapping[str, Any]
) -> None:
    """Give the callbacks what `collect` found in callbacks of the same classes; others get none.

    Raises:
        RefusedState: a callback does not take its state; the message names it.
    """
    for name, callback in zip(names(callbacks), callbacks, strict=True):
        if name not in plain or not hasattr(type(callback), "load_state_dict"):
            continue
        start = f"{PREFIX}{name}/"
        own = {key.removeprefix(start): arrays[key] for key in arrays if key.startswith(start)}
        try:
            callback.load_state_dict({**dict(plain[name]), **own})
        except Exception as error:  # of whatever kind
            raise RefusedState(f"{name} does not take its state: {error!r}") from error
