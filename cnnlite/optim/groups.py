"""Groups of parameters with options of their own; all options as plain Python values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from cnnlite.checks.numbers import choice, flag, integer, real, shown

__all__ = ["named", "no_decay"]

Group = Mapping[str, Any]
CheckedGroup = tuple[Callable[[str, np.ndarray], bool], dict[str, Any]]

FLAGS = ("nesterov", "amsgrad", "centered", "maximize", "weight_norm")
ADJUSTMENTS = (None, "original", "match_rms_adamw")


def no_decay(key: str, array: np.ndarray) -> bool:
    """Match biases and the scales of norms: the arrays that weight decay usually leaves alone.

    For groups: ``SGD(0.05, weight_decay=5e-4, groups=[{"match": no_decay, "weight_decay": 0}])``.

    Args:
        key: the parameter's dotted name; not used.
        array: the parameter.

    Returns:
        True if the array has fewer than two axes.
    """
    return array.ndim < 2


def named(*patterns: str) -> Callable[[str, np.ndarray], bool]:
    """Return a function that matches parameters by their names.

    For groups: ``SGD(0.05, groups=[{"match": named("0.*", "*.bias"), "lr": 0.1}])``.

    Args:
        patterns: with the wildcards of file names, for dotted keys.

    Raises:
        TypeError: there are none, or one is no text.
    """
    if not patterns or not all(isinstance(pattern, str) for pattern in patterns):
        raise TypeError(f"named: patterns are {shown(patterns)}, expected texts such as '0.*'")

    def match(key: str, array: np.ndarray) -> bool:
        return any(fnmatchcase(key, pattern) for pattern in patterns)

    match.__qualname__ = f"named({', '.join(map(repr, patterns))})"  # what records say
    return match


def checked_options(where: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as plain Python values, so that float32 arithmetic stays float32.

    Args:
        where: what starts each message.
        options: by name.

    Raises:
        ValueError, TypeError: an option is not in its range.
    """
    return {name: _checked_option(where, name, value) for name, value in options.items()}


def checked_groups(
    where: str, groups: Iterable[Group], options: Mapping[str, Any], kind: type
) -> list[CheckedGroup]:
    """Return each group's function "match" with the whole options of what it matches.

    Args:
        where: what starts each message.
        groups: mappings with "match" and the options that differ, or an "optimizer" of their own.
        options: those of parameters that no group matches.
        kind: what an optimizer is.

    Returns:
        Pairs; the options of a group with an optimizer of its own are {"optimizer": it}.

    Raises:
        ValueError, TypeError: a group has no "match", or an option is unknown or not in its range.
    """
    try:
        if isinstance(groups, Mapping):
            raise TypeError
        groups = tuple(groups)
    except TypeError:
        raise TypeError(
            f"{where}: groups is {shown(groups)}, expected mappings in a list"
        ) from None
    checked: list[CheckedGroup] = []
    for number, group in enumerate(groups):
        place = f"{where}: groups[{number}]"
        if not isinstance(group, Mapping) or not callable(group.get("match")):
            raise TypeError(f"{place} must be a mapping with a function 'match', got {group!r}")
        changes = {name: value for name, value in group.items() if name != "match"}
        if "optimizer" in changes:
            if not isinstance(changes["optimizer"], kind) or len(changes) > 1:
                raise TypeError(
                    f"{place} must have an optimizer such as SGD(0.1), whose options are its own, "
                    f"got {shown(changes)}"
                )
            checked.append((group["match"], changes))
            continue
        unknown = sorted(set(changes) - set(options))
        if unknown:
            known = ", ".join(options)
            raise ValueError(f"{place} has the unknown option {unknown[0]!r}; known: {known}")
        checked.append((group["match"], checked_options(place, {**options, **changes})))
    return checked


def _checked_option(where: str, name: str, value: Any) -> Any:
    if name in FLAGS:
        return flag(where, name, value)
    if name == "betas":
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise TypeError(f"{where}: betas must be a pair, got {shown(value)}")
        return tuple(_share(where, f"betas[{i}]", beta) for i, beta in enumerate(value))
    if name == "ns_coefficients":
        if not isinstance(value, tuple | list) or len(value) != 3:
            raise TypeError(f"{where}: ns_coefficients must be three numbers, got {shown(value)}")
        return tuple(real(where, f"ns_coefficients[{i}]", x) for i, x in enumerate(value))
    if name == "ns_steps":
        return integer(where, name, value, 0, 99)
    if name == "adjust_lr_fn":
        return choice(where, name, value, ADJUSTMENTS)
    return _share(where, name, value) if name == "alpha" else real(where, name, value, 0)


def _share(where: str, name: str, value: Any) -> float:
    """Return what a moving average keeps: from 0 to below 1."""
    return real(where, name, value, 0, 1, open_high=True)
