"""The checks of what Solver is made with, apart from the data."""

from __future__ import annotations

from typing import Any

import numpy as np


def integer(name: str, value: Any) -> int:
    """Return a whole number.

    Raises:
        TypeError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"Solver: {name} must be an integer, got {value!r}")
    return int(value)


def count(name: str, value: Any) -> int:
    """Return a whole number from 1.

    Raises:
        TypeError, ValueError: it is none.
    """
    value = integer(name, value)
    if value < 1:
        raise ValueError(f"Solver: {name} must be at least 1, got {value}")
    return value


def optional_count(name: str, value: Any) -> int | None:
    """Return a whole number from 1, or None; see `count` for what is raised."""
    return None if value is None else count(name, value)


def check_parts(**parts: Any) -> None:
    """Raise TypeError unless each argument of Solver has the methods that it is used by.

    Args:
        parts: arguments by name, of those in METHODS; None is one that was left out.
    """
    for name, value in parts.items():
        if value is not None:
            check_methods(name, value, *METHODS[name])


METHODS = {
    "model": ("forward", "backward"),
    "loss": ("forward", "backward"),
    "optimizer": ("step",),
    "schedule": ("__call__",),
    "augment": ("__call__",),
    "checkpoint": ("save", "load", "due"),
}


def check_methods(name: str, value: Any, *methods: str) -> None:
    """Raise TypeError unless an argument is an object, not a class, with these methods."""
    if isinstance(value, type):
        raise TypeError(f"Solver: {name} is the class {value.__name__}, expected an instance")
    if not all(callable(getattr(value, method, None)) for method in methods):
        raise TypeError(f"Solver: {name} must have {' and '.join(methods)}, got {value!r}")
