"""The course's _base_optimizer.py."""

from __future__ import annotations

from typing import Any

from cnnlite.checks.numbers import real
from cnnlite.compat.cs7643.greeting import greeter

__all__ = ["BaseOptimizer", "_BaseOptimizer", "hello_do_you_copy"]

hello_do_you_copy = greeter("_base_optimizer.py")


class BaseOptimizer:
    """What optimizers share.

    Args:
        model: has a list of `modules`.
        learning_rate: of each step.
        reg: strength of the L2 regularisation of the weights, which biases do not have.

    Raises:
        TypeError, ValueError: a number is none, or not finite.
    """

    def __init__(self, model: Any, learning_rate: float = 1e-4, reg: float = 1e-3) -> None:
        self.learning_rate = real("SGD", "learning_rate", learning_rate)
        self.reg = real("SGD", "reg", reg)

    def update(self, model: Any) -> None:
        """Move the parameters of all modules by one step."""
        raise NotImplementedError

    def apply_regularization(self, model: Any) -> None:
        """Add reg times the weights to `dw` of all modules that have weights.

        Raises:
            RuntimeError: one of them has no gradient yet.
        """
        learning = [module for module in model.modules if hasattr(module, "weight")]
        for module in learning:
            if module.dw is None:
                kind = type(module).__name__
                raise RuntimeError(f"SGD: {kind} has no dw; an update needs a backward before it")
        for module in learning:
            module.dw = module.dw + self.reg * module.weight


_BaseOptimizer = BaseOptimizer  # as the course calls it
