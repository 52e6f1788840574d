"""Schedules: what the learning rate is multiplied with, as a function of the step.

A schedule is a frozen dataclass, called with the step (from 0) and the number of steps of the whole
training; it returns a factor, 1.0 at the peak, for each parameter group's own learning rate.  It
remembers nothing, so a resumed training asks it the same questions and gets the same answers.

Lengths (`warmup`, `step_size`, `milestones`) are steps if they are ints and fractions of the whole
training if they are floats: ``Cosine(warmup=500)``, ``Cosine(warmup=0.05)``.  During warm-up the
factor rises in equal parts, from 1 / length at the first step to 1 at the last; the schedule proper
begins after it.  `Warmup` begins elsewhere, and goes before any schedule.
"""

from __future__ import annotations

from cnnlite.optim.schedules.base import Schedule
from cnnlite.optim.schedules.cycles import CosineRestarts, Cyclic, OneCycle, Triangular
from cnnlite.optim.schedules.falling import (
    Constant,
    Cosine,
    Exponential,
    Linear,
    MultiStep,
    Polynomial,
    Step,
)
from cnnlite.optim.schedules.warmup import Warmup

SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": Step,
    "multistep": MultiStep,
    "linear": Linear,
    "polynomial": Polynomial,
    "cosine": Cosine,
    "cosinerestarts": CosineRestarts,
    "exponential": Exponential,
    "cyclic": Cyclic,
    "onecycle": OneCycle,
    "triangular": Triangular,
    "warmup": Warmup,
}
"""By the name that the command line knows; all but `Step` and `MultiStep` need no argument."""

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Cyclic",
    "Exponential",
    "Linear",
    "MultiStep",
    "OneCycle",
    "Polynomial",
    "Schedule",
    "Step",
    "Triangular",
    "Warmup",
]
