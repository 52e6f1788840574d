"""RMSprop: each step is divided by the size that gradients had lately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cnnlite.optim.optimizer import (
    Array,
    Group,
    Optimizer,
    Scratch,
    moving_average_of_squares,
    with_decay,
)

__all__ = ["RMSprop"]


def rmsprop_update(
    param: Array,
    grad: Array,
    square_avg: Array,
    buffer: Array | None,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    scratch: Scratch,
) -> None:
    """Change `param` (and `square_avg`, `buffer`) in place by one step of RMSprop.

    With g as in SGD and s = alpha * s + (1 - alpha) * g^2, the parameter moves by
    -lr * q with q = g / (sqrt(s) + eps); with momentum by -lr * b with b = momentum * b + q.

    Source: torch.optim.RMSprop; Tieleman and Hinton, Neural Networks for Machine Learning,
    lecture 6.5, 2012.
    """
    decayed, move = scratch
    grad = with_decay(grad, param, weight_decay, decayed)
    moving_average_of_squares(square_avg, grad, alpha, move)
    np.sqrt(square_avg, out=move)
    move += eps
    np.divide(grad, move, out=move)
    if buffer is not None:
        buffer *= momentum
        buffer += move
        np.multiply(buffer, lr, out=move)
    else:
        move *= lr
    param -= move


class RMSprop(Optimizer):
    """RMSprop, as torch.optim.RMSprop.

    Args:
        lr: learning rate.
        alpha: the share of the moving average of squared gradients that each step keeps.
        eps: added to the square root of that average.
        weight_decay: what is added to the gradient, times the parameter.
        momentum: the share of its last move that a parameter keeps.
        groups: options for some parameters (see `Optimizer`).

    Raises:
        ValueError, TypeError: an option is not in its range.
    """

    def __init__(
        self,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        groups: Iterable[Group] = (),
    ) -> None:
        super().__init__(
            groups, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum
        )

    def state_names(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        return ("square_avg", "momentum_buffer") if options["momentum"] else ("square_avg",)

    def update(
        self,
        param: Array,
        grad: Array,
        state: dict[str, Any],
        lr: float,
        options: Mapping[str, Any],
    ) -> None:
        alpha, eps = options["alpha"], options["eps"]
        momentum, weight_decay = options["momentum"], options["weight_decay"]
        average = state["square_avg"]
        buffer = state["momentum_buffer"] if momentum else None
        scratch = self._scratch(param)
        rmsprop_update(
            param, grad, average, buffer, lr, alpha, eps, weight_decay, momentum, scratch
        )
