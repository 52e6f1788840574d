"""The door to schedules, which are in `cnnlite.optim.schedules`."""

from cnnlite.optim.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    MultiStep,
    OneCycle,
    Schedule,
    Step,
)

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Exponential",
    "MultiStep",
    "OneCycle",
    "Schedule",
    "Step",
]
