"""What a page may ask of a training: six commands, and nothing else."""

from __future__ import annotations

import json
import math
from typing import NamedTuple, NoReturn

from cnnlite.training.control import Control

__all__ = ["LARGEST", "Command", "obey", "parse"]

LARGEST = 1024
"""Bytes of a message; the server's parts refuse a larger one before it is read."""
PLAIN = ("pause", "step", "resume", "stop")


class Command(NamedTuple):
    """One command: "pause", "step", "resume" or "stop"; or "lr", with the rate."""

    do: str
    value: float | None = None


def parse(text: str) -> Command:
    """Return the command of a message: {"do": "pause"}, or {"do": "lr", "value": 0.01}.

    Raises:
        ValueError: it is none; the message says what was expected.
    """
    if len(text) > LARGEST:
        raise ValueError(f"the message has {len(text)} letters, expected at most {LARGEST}")
    try:
        given = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise ValueError("the message is no JSON") from None
    if not isinstance(given, dict) or not isinstance(given.get("do"), str):
        raise ValueError('expected an object with "do"')
    do, names = given["do"], sorted(given)
    if do in PLAIN and names == ["do"]:
        return Command(do)
    if do == "lr" and names == ["do", "value"]:
        return Command(do, _rate(given["value"]))
    raise ValueError(f'expected {{"do": ...}} with {", ".join(PLAIN)}; or lr, with "value"')


def obey(control: Control, command: Command) -> None:
    """Hand a command to a training.

    Raises:
        Busy: too many wait.
    """
    if command.value is not None:
        control.set_lr(command.value)
    else:
        getattr(control, command.do)()


def _rate(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("the learning rate is no number")
    try:
        rate = float(value)
    except OverflowError:
        rate = math.inf
    if not (math.isfinite(rate) and rate >= 0):
        raise ValueError("the learning rate must be a finite number of at least 0")
    return rate


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
