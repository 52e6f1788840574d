"""Adam: moving averages of gradient and squared gradient, both corrected for starting at 0."""

from __future__ import annotations

import math
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

__all__ = ["Adam"]


def adam_update(
    param: Array,
    grad: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    scratch: Scratch,
) -> None:
    """Change `param` (and both averages) in place by one step of Adam; `step` counts from 1.

    With g as in SGD, m = beta1 * m + (1 - beta1) * g and v = beta2 * v + (1 - beta2) * g^2, the
    parameter moves by -lr * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps).

    Source: torch.optim.Adam (weight decay is added to the gradient, not decoupled); Kingma and Ba,
    Adam: a method for stochastic optimization, 2015, algorithm 1.
    """
    decayed, move = scratch
    grad = with_decay(grad, param, weight_decay, decayed)
    beta1, beta2 = betas
    np.multiply(grad, 1 - beta1, out=move)
    exp_avg *= beta1
    exp_avg += move
    moving_average_of_squares(exp_avg_sq, grad, beta2, move)
    np.sqrt(exp_avg_sq, out=move)
    move /= math.sqrt(1 - beta2**step)
    move += eps
    np.divide(exp_avg, move, out=move)
    move *= lr / (1 - beta1**step)
    param -= move


class Adam(Optimizer):
    """Adam, as torch.optim.Adam.

    Args:
        lr: learning rate.
        betas: the shares of the moving averages of gradient and squared gradient that a step keeps.
        eps: added to the square root of the average of squares.
        weight_decay: what is added to the gradient, times the parameter.
        groups: options for some parameters (see `Optimizer`).

    Raises:
        ValueError, TypeError: an option is not in its range.
    """

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        groups: Iterable[Group] = (),
    ) -> None:
        super().__init__(groups, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def state_names(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "exp_avg", "exp_avg_sq")

    def update(
        self,
        param: Array,
        grad: Array,
        state: dict[str, Any],
        lr: float,
        options: Mapping[str, Any],
    ) -> None:
        state["step"] += 1
        betas, eps, weight_decay = options["betas"], options["eps"], options["weight_decay"]
        average, square_average, step = state["exp_avg"], state["exp_avg_sq"], state["step"]
        scratch = self._scratch(param)
        adam_update(
            param, grad, average, square_average, step, lr, betas, eps, weight_decay, scratch
        )
