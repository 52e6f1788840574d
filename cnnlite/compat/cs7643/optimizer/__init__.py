"""The course's optimizers."""

from cnnlite.compat.cs7643.optimizer._base_optimizer import BaseOptimizer
from cnnlite.compat.cs7643.optimizer.sgd import SGD

_BaseOptimizer = BaseOptimizer  # as the course calls it

__all__ = ["SGD", "_BaseOptimizer"]
