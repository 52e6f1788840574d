"""Schedules that rise as well as fall."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnnlite.checks.numbers import choice, flag, integer
from cnnlite.optim.schedules.base import (
    Length,
    Warmed,
    checked_step,
    cosine,
    linear,
    set_factor,
    set_length,
    steps,
)
from cnnlite.portable import power


@dataclass(frozen=True)
class OneCycle:
    """The factor rises from 1 / div_factor to 1, then falls far below where it began.

    The rise is its warm-up, so there is no other.

    Args:
        pct_start: the share of the training that the rise takes, from 0 to 1.
        anneal_strategy: "cos" (half a period of the cosine up and down) or "linear".
        div_factor: 1 over the first factor.
        final_div_factor: the first factor over the last one.
        three_phase: fall to the first factor in as many steps as the rise takes, and from there to
            the last one.

    Source: torch.optim.lr_scheduler.OneCycleLR; Smith and Topin,
    Super-convergence: very fast training of neural networks using large learning rates, 2017.
    """

    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False

    def __post_init__(self) -> None:
        set_factor(self, "pct_start")
        choice("OneCycle", "anneal_strategy", self.anneal_strategy, ("cos", "linear"))
        set_factor(self, "div_factor", 1, math.inf)
        set_factor(self, "final_div_factor", 1, math.inf)
        object.__setattr__(self, "three_phase", flag("OneCycle", "three_phase", self.three_phase))
        if self.three_phase and self.pct_start > 0.5:
            raise ValueError(
                f"OneCycle: pct_start is {self.pct_start}, expected a number from 0 to 0.5 with "
                "three_phase: the fall to the first factor takes as long as the rise"
            )

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        step, total_steps = checked_step(step, total_steps)
        between = cosine if self.anneal_strategy == "cos" else linear
        first = 1 / self.div_factor
        peak = self.pct_start * total_steps - 1
        ends = [(peak, first, 1.0)]
        if self.three_phase:
            ends.append((2 * peak, 1.0, first))
        start, now, last = 0.0, 1.0, first / self.final_div_factor
        for stop, low, high in ends:
            if step <= stop:
                return between(low, high, (step - start) / (stop - start) if stop > start else 1.0)
            start, now = stop, high
        left = total_steps - 1 - start
        return between(now, last, min(1.0, (step - start) / left) if left > 0 else 1.0)


@dataclass(frozen=True)
class Triangular:
    """The factor rises from `start` to 1 along a line, and falls to `final` along another.

    Args:
        start: the factor at the first step.
        peak: length of the rise.
        final: the factor that the end of training would have.

    Source: Page, How to train your ResNet, 2018; the numbers are those of Jordan, 94% on CIFAR-10
    in 3.29 seconds on a single GPU, 2024.
    """

    start: float = 0.2
    peak: Length = 0.23
    final: float = 0.07

    def __post_init__(self) -> None:
        set_factor(self, "start")
        set_length(self, "peak")
        set_factor(self, "final")

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        step, total_steps = checked_step(step, total_steps)
        rise = min(steps(self.peak, total_steps), total_steps)
        if step < rise:
            return linear(self.start, 1.0, step / rise)
        fall = max(1, total_steps - rise)
        return linear(1.0, self.final, min(step - rise, fall) / fall)


@dataclass(frozen=True)
class CosineRestarts(Warmed):
    """The factor falls from 1 to `final` along the cosine, again and again.

    Args:
        T_0: length of the first fall.
        T_mult: how many times as long as the one before it each later fall is.
        final: the factor at the end of each fall.
        warmup: length of the warm-up.

    Source: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts; Loshchilov and Hutter, SGDR:
    stochastic gradient descent with warm restarts, 2017, equation 5.
    """

    T_0: Length = 0.25
    T_mult: int = 1
    final: float = 0.0
    warmup: Length = 0

    def __post_init__(self) -> None:
        set_length(self, "T_0", open_low=True)
        object.__setattr__(self, "T_mult", integer("CosineRestarts", "T_mult", self.T_mult, 1))
        set_factor(self, "final")
        set_length(self, "warmup")

    def factor(self, step: int, total_steps: int) -> float:
        length = max(1, steps(self.T_0, total_steps))
        if self.T_mult == 1:
            step %= length
        while step >= length:
            step, length = step - length, length * self.T_mult
        return cosine(1.0, self.final, step / length)


@dataclass(frozen=True)
class Cyclic:
    """The factor rises from `base` to 1 along a line, and falls back, again and again.

    Args:
        base: the lowest factor.
        step_size_up: length of a rise.
        step_size_down: length of a fall; None means that of a rise.
        mode: "triangular"; "triangular2", where each cycle is half as high over `base` as the one
            before it; or "exp_range", where the height is gamma^step.
        gamma: for exp_range.

    Source: torch.optim.lr_scheduler.CyclicLR, with base = base_lr / max_lr; Smith, Cyclical
    learning rates for training neural networks, 2017.
    """

    base: float = 0.25
    step_size_up: Length = 0.125
    step_size_down: Length | None = None
    mode: str = "triangular"
    gamma: float = 1.0

    def __post_init__(self) -> None:
        set_factor(self, "base")
        set_length(self, "step_size_up", open_low=True)
        if self.step_size_down is not None:
            set_length(self, "step_size_down", open_low=True)
        choice("Cyclic", "mode", self.mode, ("triangular", "triangular2", "exp_range"))
        set_factor(self, "gamma")

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        step, total_steps = checked_step(step, total_steps)
        up = max(1, steps(self.step_size_up, total_steps))
        down = up if self.step_size_down is None else steps(self.step_size_down, total_steps)
        down = max(1, down)
        cycle, place = divmod(step, up + down)
        height = place / up if place <= up else (up + down - place) / down
        if self.mode == "triangular2":
            height *= power(0.5, cycle)
        elif self.mode == "exp_range":
            height *= power(self.gamma, step)
        return linear(self.base, 1.0, height)
