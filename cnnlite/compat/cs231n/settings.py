"""The dicts of settings that the course's functions take: conv_param, bn_param and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnlite.checks.numbers import choice, shown

__all__ = ["mode_of", "optional_setting", "setting"]


def setting(name: str, settings: Mapping[str, Any], key: str) -> Any:
    """Return a setting that must be there.

    Args:
        name: the function that was called, for the message.
        settings: its dict.
        key: the setting.

    Raises:
        TypeError: the settings are no mapping.
        ValueError: there is no such setting.
    """
    _check(name, settings, f" with {key!r}")
    if key not in settings:
        raise ValueError(f"{name}: the settings {shown(dict(settings))} have no {key!r}")
    return settings[key]


def optional_setting(name: str, settings: Mapping[str, Any], key: str, default: Any) -> Any:
    """Return a setting, or the default if it is not there.

    Raises:
        TypeError: the settings are no mapping.
    """
    _check(name, settings)
    return settings.get(key, default)


def mode_of(name: str, settings: Mapping[str, Any]) -> str:
    """Return the setting "mode", "train" or "test".

    Raises:
        TypeError, ValueError: it is missing, or another.
    """
    return choice(name, "mode", setting(name, settings, "mode"), ("train", "test"))


def _check(name: str, settings: Any, what: str = "") -> None:
    if not isinstance(settings, Mapping):
        raise TypeError(f"{name}: the settings are {shown(settings)}, expected a dict{what}")
