"""The door to the ways in which a training ends, which are in `cnnlite.training.interruption`."""

from cnnlite.training.interruption import Interrupt, Stopped, TrainingDiverged

__all__ = ["Interrupt", "Stopped", "TrainingDiverged"]
