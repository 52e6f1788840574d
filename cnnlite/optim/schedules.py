"""Schedules: what the learning rate is multiplied with, as a function of the step.

A schedule is a frozen dataclass, called with the step (from 0) and the number of steps of the whole
training; it returns a factor, 1.0 at the peak, for each parameter group's own learning rate.  It
remembers nothing, so a resumed training asks it the same questions and gets the same answers.

Lengths (`warmup`, `step_size`, `milestones`) are steps if they are ints and fractions of the whole
training if they are floats: ``Cosine(warmup=500)``, ``Cosine(warmup=0.05)``.  During warm-up the
factor rises in equal parts, from 1 / length at the first step to 1 at the last; the schedule proper
begins after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from cnnlite.checks.numbers import as_integer, choice, integer, number, real, shown

Length = int | float
_LENGTH = "a number of steps (an int from 0) or a share of the training (a float from 0 to 1)"


class Schedule(Protocol):
    """Anything that can be called like this is a schedule."""

    def __call__(self, step: int, total_steps: int) -> float: ...


@dataclass(frozen=True)
class Constant:
    """The factor 1 after the warm-up.

    Args:
        warmup: length of the warm-up.
    """

    warmup: Length = 0

    def __post_init__(self) -> None:
        _set_length(self, "warmup")

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        return _after_warmup(self.warmup, step, total_steps, lambda step, total: 1.0)


@dataclass(frozen=True)
class Step:
    """The factor falls by `gamma` every `step_size`.

    Args:
        step_size: length between two falls.
        gamma: what the factor is multiplied with at each fall.
        warmup: length of the warm-up.

    Source: torch.optim.lr_scheduler.StepLR.
    """

    step_size: Length
    gamma: float = 0.1
    warmup: Length = 0

    def __post_init__(self) -> None:
        _set_length(self, "step_size")
        if not self.step_size:
            raise ValueError("Step: step_size is 0, expected a length above 0")
        _set_factor(self, "gamma")
        _set_length(self, "warmup")

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        size = max(1, _steps(self.step_size, total_steps))
        gamma = self.gamma
        return _after_warmup(
            self.warmup, step, total_steps, lambda step, total: float(gamma ** (step // size))
        )


@dataclass(frozen=True)
class MultiStep:
    """The factor falls by `gamma` at each milestone.

    The residual networks of He et al. were trained with ``MultiStep((0.5, 0.75))``.

    Args:
        milestones: where the factor falls, counted from the start of training (warm-up included).
        gamma: what the factor is multiplied with at each fall.
        warmup: length of the warm-up.

    Source: torch.optim.lr_scheduler.MultiStepLR.
    """

    milestones: tuple[Length, ...]
    gamma: float = 0.1
    warmup: Length = 0

    def __post_init__(self) -> None:
        given: Any = self.milestones
        if not isinstance(given, tuple | list) and getattr(given, "ndim", 0) != 1:
            raise TypeError(f"MultiStep: milestones is {shown(given)}, expected a tuple of lengths")
        milestones = tuple(
            _length("MultiStep", f"milestones[{place}]", length)
            for place, length in enumerate(given)
        )
        object.__setattr__(self, "milestones", milestones)
        _set_factor(self, "gamma")
        _set_length(self, "warmup")

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        step, total_steps = _checked_step(step, total_steps)
        passed = sum(step >= _steps(milestone, total_steps) for milestone in self.milestones)
        factor = float(self.gamma**passed)
        return _after_warmup(self.warmup, step, total_steps, lambda step, total: factor)


@dataclass(frozen=True)
class Cosine:
    """The factor falls from 1 to `final` along half a period of the cosine.

    Args:
        final: the factor that the end of training would have.
        warmup: length of the warm-up.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017,
    equation 5, without restarts; torch.optim.lr_scheduler.CosineAnnealingLR.
    """

    final: float = 0.0
    warmup: Length = 0

    def __post_init__(self) -> None:
        _set_factor(self, "final")
        _set_length(self, "warmup")

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        final = self.final
        return _after_warmup(
            self.warmup, step, total_steps, lambda step, total: _cosine(1.0, final, step / total)
        )


@dataclass(frozen=True)
class Exponential:
    """The factor falls from 1 to `final`, by the same ratio at every step.

    Args:
        final: the factor that the end of training would have; above 0.
        warmup: length of the warm-up.

    Source: torch.optim.lr_scheduler.ExponentialLR, with gamma = final ** (1 / steps).
    """

    final: float = 0.01
    warmup: Length = 0

    def __post_init__(self) -> None:
        _set_factor(self, "final", open_low=True)
        _set_length(self, "warmup")

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        final = self.final
        return _after_warmup(
            self.warmup, step, total_steps, lambda step, total: float(final ** (step / total))
        )


@dataclass(frozen=True)
class OneCycle:
    """The factor rises from 1 / div_factor to 1, then falls far below where it began.

    The rise is its warm-up, so there is no other.

    Args:
        pct_start: the share of the training that the rise takes, from 0 to 1.
        anneal_strategy: "cos" (half a period of the cosine up and down) or "linear".
        div_factor: 1 over the first factor.
        final_div_factor: the first factor over the last one.

    Source: torch.optim.lr_scheduler.OneCycleLR (two phases); Smith and Topin,
    Super-convergence: very fast training of neural networks using large learning rates, 2017.
    """

    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def __post_init__(self) -> None:
        _set_factor(self, "pct_start")
        choice("OneCycle", "anneal_strategy", self.anneal_strategy, ("cos", "linear"))
        _set_factor(self, "div_factor", 1, math.inf)
        _set_factor(self, "final_div_factor", 1, math.inf)

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        step, total_steps = _checked_step(step, total_steps)
        between = _cosine if self.anneal_strategy == "cos" else _linear
        first = 1 / self.div_factor
        last = first / self.final_div_factor
        peak, end = self.pct_start * total_steps - 1, total_steps - 1
        if step <= peak:
            return between(first, 1.0, step / peak if peak else 1.0)
        return between(1.0, last, min(1.0, (step - peak) / (end - peak)) if end > peak else 1.0)


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": Step,
    "multistep": MultiStep,
    "cosine": Cosine,
    "exponential": Exponential,
    "onecycle": OneCycle,
}


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def _linear(start: float, end: float, progress: float) -> float:
    return start + (end - start) * progress


def _steps(length: Length, total_steps: int) -> int:
    return length if isinstance(length, int) else round(length * total_steps)


def _after_warmup(
    warmup: Length, step: int, total_steps: int, schedule: Callable[[int, int], float]
) -> float:
    """The warm-up's factor, or that of `schedule` on the steps that the warm-up leaves."""
    step, total_steps = _checked_step(step, total_steps)
    length = _steps(warmup, total_steps)
    if step < length:
        return (step + 1) / length
    left = max(1, total_steps - length)
    return schedule(min(step - length, left), left)


def _checked_step(step: int, total_steps: int) -> tuple[int, int]:
    return integer("schedule", "step", step, 0), integer("schedule", "total_steps", total_steps, 1)


def _set_length(schedule: Any, name: str) -> None:
    """Put a length into its plain spelling, an int for steps or a float for a share."""
    value = _length(type(schedule).__name__, name, getattr(schedule, name))
    object.__setattr__(schedule, name, value)


def _set_factor(
    schedule: Any, name: str, low: float = 0, high: float = 1, open_low: bool = False
) -> None:
    """Put a factor into its plain spelling, a float."""
    given = getattr(schedule, name)
    value = real(type(schedule).__name__, name, given, low, high, open_low=open_low)
    object.__setattr__(schedule, name, value)


def _length(schedule: str, name: str, value: object) -> Length:
    steps = as_integer(value)
    length: Length = steps if steps is not None else number(schedule, name, value, _LENGTH)
    if not (length >= 0 if steps is not None else 0 <= length <= 1):
        raise ValueError(f"{schedule}: {name} is {shown(value)}, expected {_LENGTH}")
    return length
