"""The door to callbacks, which are in `cnnlite.training.callbacks`."""

from cnnlite.training.callbacks import (
    Callback,
    EarlyStopping,
    Freeze,
    Keep,
    Profiler,
    Progress,
    ReduceLROnPlateau,
)

__all__ = [
    "Callback",
    "EarlyStopping",
    "Freeze",
    "Keep",
    "Profiler",
    "Progress",
    "ReduceLROnPlateau",
]
