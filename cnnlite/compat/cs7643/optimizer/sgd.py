"""The course's sgd.py."""

from __future__ import annotations

from typing import Any

from cnnlite.checks.numbers import real
from cnnlite.compat.cs231n.optim import sgd_momentum
from cnnlite.compat.cs7643.greeting import greeter
from cnnlite.compat.cs7643.optimizer._base_optimizer import BaseOptimizer

__all__ = ["SGD", "hello_do_you_copy"]

hello_do_you_copy = greeter("sgd.py")


class SGD(BaseOptimizer):
    """w + v with the velocity v = momentum * v - learning_rate * gradient.

    Args:
        model: has a list of `modules`, of which some have `weight` with `dw`, and `bias` with `db`.
        learning_rate, reg: as for `BaseOptimizer`.
        momentum: the share of its velocity that a parameter keeps.

    Raises:
        TypeError, ValueError: a number is none, or not finite.
    """

    def __init__(
        self, model: Any, learning_rate: float = 1e-4, reg: float = 1e-3, momentum: float = 0.9
    ) -> None:
        super().__init__(model, learning_rate, reg)
        self.momentum = real("SGD", "momentum", momentum)
        self._velocities: dict[tuple[int, str], Any] = {}

    def update(self, model: Any) -> None:
        """Regularise `dw`, then move all weights and biases."""
        self.apply_regularization(model)
        for number, module in enumerate(model.modules):
            for parameter, gradient in (("weight", "dw"), ("bias", "db")):
                if hasattr(module, parameter):
                    config = {
                        "learning_rate": self.learning_rate,
                        "momentum": self.momentum,
                        "velocity": self._velocities.get((number, parameter)),
                    }
                    moved, config = sgd_momentum(
                        getattr(module, parameter), getattr(module, gradient), config
                    )
                    setattr(module, parameter, moved)
                    self._velocities[number, parameter] = config["velocity"]
