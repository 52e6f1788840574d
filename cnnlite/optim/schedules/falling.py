"""Schedules that fall, smoothly or in steps, after a warm-up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cnnlite.checks.numbers import shown
from cnnlite.optim.schedules.base import (
    Length,
    Warmed,
    checked_step,
    cosine,
    length_of,
    linear,
    set_factor,
    set_length,
    steps,
)
from cnnlite.portable import power


@dataclass(frozen=True)
class Constant(Warmed):
    """The factor 1 after the warm-up.

    Args:
        warmup: length of the warm-up.
    """

    warmup: Length = 0

    def __post_init__(self) -> None:
        set_length(self, "warmup")

    def factor(self, step: int, total_steps: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Step(Warmed):
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
        set_length(self, "step_size", open_low=True)
        set_factor(self, "gamma")
        set_length(self, "warmup")

    def factor(self, step: int, total_steps: int) -> float:
        return power(self.gamma, step // max(1, steps(self.step_size, total_steps)))


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
            length_of("MultiStep", f"milestones[{place}]", length)
            for place, length in enumerate(given)
        )
        object.__setattr__(self, "milestones", milestones)
        set_factor(self, "gamma")
        set_length(self, "warmup")

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        step, total_steps = checked_step(step, total_steps)
        length = steps(self.warmup, total_steps)
        if step < length:
            return (step + 1) / length
        passed = sum(step >= steps(milestone, total_steps) for milestone in self.milestones)
        return power(self.gamma, passed)


@dataclass(frozen=True)
class _ToFinal(Warmed):
    final: float = 0.0
    warmup: Length = 0

    def __post_init__(self) -> None:
        set_factor(self, "final")
        set_length(self, "warmup")


class Cosine(_ToFinal):
    """The factor falls from 1 to `final` along half a period of the cosine.

    Args:
        final: the factor that the end of training would have.
        warmup: length of the warm-up.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017,
    equation 5, without restarts; torch.optim.lr_scheduler.CosineAnnealingLR.
    """

    def factor(self, step: int, total_steps: int) -> float:
        return cosine(1.0, self.final, step / total_steps)


class Linear(_ToFinal):
    """The factor falls from 1 to `final` along a line.

    Args:
        final: the factor that the end of training would have.
        warmup: length of the warm-up.

    Source: torch.optim.lr_scheduler.LinearLR, with start_factor 1.
    """

    def factor(self, step: int, total_steps: int) -> float:
        return linear(1.0, self.final, step / total_steps)


@dataclass(frozen=True)
class Exponential(Warmed):
    """The factor falls from 1 to `final`, by the same ratio at every step.

    Args:
        final: the factor that the end of training would have; above 0.
        warmup: length of the warm-up.

    Source: torch.optim.lr_scheduler.ExponentialLR, with gamma = final ** (1 / steps).
    """

    final: float = 0.01
    warmup: Length = 0

    def __post_init__(self) -> None:
        set_factor(self, "final", open_low=True)
        set_length(self, "warmup")

    def factor(self, step: int, total_steps: int) -> float:
        return power(self.final, step / total_steps)


@dataclass(frozen=True)
class Polynomial(Warmed):
    """The factor falls from 1 to `final` as a power of the part of the training that is left.

    Args:
        power: 1 is a line; more falls faster at first, less falls faster at the end.
        final: the factor that the end of training would have.
        warmup: length of the warm-up.

    Source: torch.optim.lr_scheduler.PolynomialLR, with final 0.
    """

    power: float = 1.0
    final: float = 0.0
    warmup: Length = 0

    def __post_init__(self) -> None:
        set_factor(self, "power", 0, math.inf)
        set_factor(self, "final")
        set_length(self, "warmup")

    def factor(self, step: int, total_steps: int) -> float:
        return linear(self.final, 1.0, power(1 - step / total_steps, self.power))
