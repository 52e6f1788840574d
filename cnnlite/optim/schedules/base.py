"""What all schedules share: lengths, warm-up, and the checks of their arguments."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Protocol

from cnnlite.checks.numbers import as_integer, integer, number, real, shown
from cnnlite.portable import cos

Length = int | float
LENGTH = "a number of steps (an int from 0) or a share of the training (a float from 0 to 1)"


class Schedule(Protocol):
    """Anything that can be called like this is a schedule."""

    def __call__(self, step: int, total_steps: int) -> float: ...


def cosine(start: float, end: float, progress: float) -> float:
    """Go from start to end along half a period of the cosine."""
    return end + (start - end) * (1 + cos(math.pi * progress)) / 2


def linear(start: float, end: float, progress: float) -> float:
    """Go from start to end along a line."""
    return start + (end - start) * progress


def steps(length: Length, total_steps: int) -> int:
    """Return a length in steps."""
    return length if isinstance(length, int) else round(length * total_steps)


class Warmed(ABC):
    """A schedule with a warm-up, the length `warmup`, before it."""

    warmup: Length

    @abstractmethod
    def factor(self, step: int, total_steps: int) -> float:
        """Return the factor at `step` of the `total_steps` that the warm-up leaves."""

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        step, total_steps = checked_step(step, total_steps)
        length = steps(self.warmup, total_steps)
        if step < length:
            return (step + 1) / length
        left = max(1, total_steps - length)
        return self.factor(min(step - length, left), left)


def checked_step(step: int, total_steps: int) -> tuple[int, int]:
    """Return both as plain ints, or raise TypeError or ValueError."""
    return integer("schedule", "step", step, 0), integer("schedule", "total_steps", total_steps, 1)


def set_length(schedule: Any, name: str, open_low: bool = False) -> None:
    """Put a length into its plain spelling, an int for steps or a float for a share."""
    kind = type(schedule).__name__
    value = length_of(kind, name, getattr(schedule, name))
    if open_low and not value:
        raise ValueError(f"{kind}: {name} is {value}, expected a length above 0")
    object.__setattr__(schedule, name, value)


def set_factor(
    schedule: Any, name: str, low: float = 0, high: float = 1, open_low: bool = False
) -> None:
    """Put a factor into its plain spelling, a float."""
    given = getattr(schedule, name)
    value = real(type(schedule).__name__, name, given, low, high, open_low=open_low)
    object.__setattr__(schedule, name, value)


def length_of(schedule: str, name: str, value: object) -> Length:
    """Return a length in its plain spelling, or raise TypeError or ValueError."""
    whole = as_integer(value)
    length: Length = whole if whole is not None else number(schedule, name, value, LENGTH)
    if not (length >= 0 if whole is not None else 0 <= length <= 1):
        raise ValueError(f"{schedule}: {name} is {shown(value)}, expected {LENGTH}")
    return length
