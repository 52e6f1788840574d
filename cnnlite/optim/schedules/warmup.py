"""A warm-up before any schedule."""

from __future__ import annotations

from dataclasses import dataclass, field

from cnnlite.checks.numbers import shown
from cnnlite.optim.schedules.base import (
    Length,
    Schedule,
    checked_step,
    linear,
    set_factor,
    set_length,
    steps,
)
from cnnlite.optim.schedules.falling import Constant


@dataclass(frozen=True)
class Warmup:
    """The factor rises along a line, then another schedule begins: ``Warmup(Cosine(), 0.05)``.

    The rise goes from `start` times the first factor of that schedule to the whole of it, and the
    schedule has the steps that are left.

    Args:
        schedule: any schedule, or a function of step and total_steps.
        length: length of the warm-up.
        start: where it begins, from 0 to 1.

    Raises:
        TypeError, ValueError: the schedule cannot be called, or another argument is out of range.

    Source: torch.optim.lr_scheduler.SequentialLR of LinearLR and another one; Goyal et al.,
    Accurate, large minibatch SGD: training ImageNet in 1 hour, 2017, section 2.2.
    """

    schedule: Schedule = field(default_factory=Constant)
    length: Length = 0.05
    start: float = 1 / 3

    def __post_init__(self) -> None:
        if not callable(self.schedule) or isinstance(self.schedule, type):
            raise TypeError(
                f"Warmup: schedule is {shown(self.schedule)}, expected a schedule or a function of "
                "step and total_steps"
            )
        set_length(self, "length")
        set_factor(self, "start")

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the factor for `step` of `total_steps`."""
        step, total_steps = checked_step(step, total_steps)
        length = steps(self.length, total_steps)
        left = max(1, total_steps - length)
        factor = self.schedule(max(0, step - length), left)
        return factor * linear(self.start, 1.0, step / length) if step < length else factor
