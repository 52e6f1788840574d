"""The checks of what Solver is made with, apart from the data."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterable
from typing import Any

from cnnlite.checks.numbers import number


def checked_factor(value: Any, step: int) -> float:
    """Return what a schedule gave for a step, a number from 0; it may be infinite or NaN.

    Raises:
        TypeError, ValueError: it is none.
    """
    factor = number("Solver", f"schedule at step {step}", value)
    if factor < 0:
        raise ValueError(
            f"Solver: schedule at step {step} is {factor}, expected a number from 0 up"
        )
    return factor


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
    if name in TAKES:
        _check_signature(name, value, TAKES[name])


TAKES: dict[str, tuple[str, ...]] = {
    "schedule": ("step", "total_steps"),
    "augment": ("images", "index", "epoch", "seed"),
}


def _check_signature(name: str, function: Any, words: tuple[str, ...]) -> None:
    """Raise TypeError if a function cannot be called with so many arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some of those written in C have none to be read
        return
    try:
        signature.bind(*words)
    except TypeError as error:
        raise TypeError(
            f"Solver: {name} is called with ({', '.join(words)}), which it does not take: {error}"
        ) from None


EVENTS = (
    "before_train", "after_train", "before_epoch", "after_epoch", "before_step", "after_step",
    "after_change",
)  # fmt: skip


def check_callbacks(callbacks: Any) -> list[Any]:
    """Return the callbacks as a list, each an object with at least one method that is called.

    Raises:
        TypeError: they are no list, one is a class or has no such method, or one has a method
            that looks like a misspelt one, or one that cannot be called with the solver.
    """
    if not isinstance(callbacks, Iterable) or isinstance(callbacks, str):
        raise TypeError(f"Solver: callbacks must be a list of objects, got {callbacks!r}")
    found = list(callbacks)
    for place, callback in enumerate(found):
        _check_callback(f"callbacks[{place}]", callback)
    return found


def _check_callback(name: str, callback: Any) -> None:
    if isinstance(callback, type):
        raise TypeError(
            f"Solver: {name} is the class {callback.__name__}, expected an instance: "
            f"{callback.__name__}()"
        )
    kind = type(callback).__name__
    for method in _own_methods(callback):
        event = likely_event(method)
        if event is not None and not _has(callback, event):
            raise TypeError(
                f"Solver: {name} ({kind}) has the method {method}, which is never called; "
                f"did you mean {event}?"
            )
    events = [event for event in EVENTS if getattr(callback, event, None) is not None]
    if not events:
        raise TypeError(
            f"Solver: {name} is {callback!r}, which has none of the methods {', '.join(EVENTS)}"
        )
    for event in events:
        if not callable(getattr(callback, event)):
            raise TypeError(f"Solver: {name}.{event} is {getattr(callback, event)!r}, no method")
        _check_signature(f"{name}.{event}", getattr(callback, event), ("solver",))


def _own_methods(callback: Any) -> list[str]:
    """Name the public methods that the callback's classes define, but for what we call."""
    kind, own = type(callback), getattr(callback, "__dict__", {})
    # A property is looked at in its class: reading it may take long, or fail.
    found = {name: getattr(kind, name, None) for name in dir(kind)} | own
    return [
        name
        for name, value in found.items()
        if name[0] != "_" and name not in EVENTS and callable(value)
    ]


def _has(callback: Any, event: str) -> bool:
    """Return whether the callback does something at an event; Callback's own methods do nothing.

    That class's own methods are told by their mark; it is above this file.
    """
    method = getattr(callback, event, None)
    return method is not None and not getattr(method, "does_nothing", False)


PLACES = {
    "batch": "step",
    "step": "step",
    "epoch": "epoch",
    "validation": "epoch",
    "validate": "epoch",
    "train": "train",
    "training": "train",
    "fit": "train",
}
STARTS = ("begin", "start")


def likely_event(method: str) -> str | None:
    """Return the event that a method's name may stand for, as misspelt or as another library's."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", method).lower().split("_")
    what = next((known for word, known in PLACES.items() if word in words), None)
    if what and words[0] in ("before", "after"):
        return f"{words[0]}_{what}"
    if what and (words[0] == "on" or (words[0] in PLACES and words[-1] in (*STARTS, "end"))):
        return f"{'before' if words[-1] in STARTS else 'after'}_{what}"
    near = difflib.get_close_matches("_".join(words), EVENTS, n=1, cutoff=0.8)
    return near[0] if near else None
