"""RMSprop: each step is divided by the size that gradients had lately."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cnnlite.optim.groups import Group
from cnnlite.optim.optimizer import (
    Array,
    Optimizer,
    Options,
    State,
    moving_average_of_squares,
    with_decay,
)

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop, as torch.optim.RMSprop.

    With g as in SGD and s = alpha * s + (1 - alpha) * g^2, the parameter moves by -lr * q with
    q = g / (sqrt(s) + eps); with momentum by -lr * b with b = momentum * b + q.  Centered, s - a^2
    stands under the root, where a is the moving average of g.  The state has s as "square_avg",
    b as "momentum_buffer" and a as "grad_avg".

    Args:
        lr: learning rate.
        alpha: the share of the moving averages that each step keeps.
        eps: added to the square root.
        weight_decay: what is added to the gradient, times the parameter.
        momentum: the share of its last move that a parameter keeps.
        centered: divide by the standard deviation of the gradients, not by their size.
        maximize: go up the gradient, not down.
        groups: options for some parameters (see `Optimizer`).

    Raises:
        ValueError, TypeError: an option is not in its range.

    Source: Tieleman and Hinton, Neural Networks for Machine Learning, lecture 6.5, 2012; Graves,
    Generating sequences with recurrent neural networks, 2013, equations 38 to 41 (centered).
    """

    def __init__(
        self,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
        groups: Iterable[Group] = (),
    ) -> None:
        super().__init__(
            groups, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
            centered=centered, maximize=maximize,
        )  # fmt: skip

    def state_names(self, options: Options) -> tuple[str, ...]:
        wanted = (True, options["momentum"], options["centered"])
        names = ("square_avg", "momentum_buffer", "grad_avg")
        return tuple(name for name, need in zip(names, wanted, strict=True) if need)

    def update(self, param: Array, grad: Array, state: State, lr: float, options: Options) -> None:
        alpha, squares = options["alpha"], state["square_avg"]
        decayed, move = self._scratch(param)
        grad = with_decay(grad, param, options["weight_decay"], decayed)
        moving_average_of_squares(squares, grad, alpha, move)
        if options["centered"]:
            average = state["grad_avg"]
            np.subtract(grad, average, out=move)
            move *= 1 - alpha
            average += move
            np.multiply(average, average, out=move)
            squares = np.subtract(squares, move, out=move)
            np.maximum(squares, 0, out=move)  # where all gradients are equal, it may round below 0
        np.sqrt(squares, out=move)
        move += options["eps"]
        np.divide(grad, move, out=move)
        if options["momentum"]:
            buffer = state["momentum_buffer"]
            buffer *= options["momentum"]
            buffer += move
            np.multiply(buffer, lr, out=move)
        else:
            move *= lr
        param -= move
