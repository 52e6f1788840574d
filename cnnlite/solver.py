"""The door to the training loop, which is in `cnnlite.training.solver`."""

from cnnlite.training.interruption import TrainingDiverged
from cnnlite.training.solver import Solver

__all__ = ["Solver", "TrainingDiverged"]
