"""Adam and AdamW: moving averages of gradient and squared gradient, corrected for starting at 0."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

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
from cnnlite.portable import power

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adam, as torch.optim.Adam.

    With g as in SGD, m = beta1 * m + (1 - beta1) * g and v = beta2 * v + (1 - beta2) * g^2, the
    parameter moves in its step t by -lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps).
    The state has m as "exp_avg", v as "exp_avg_sq", t as "step", and with amsgrad the largest v so
    far as "max_exp_avg_sq", which then stands in the place of v.

    Args:
        lr: learning rate.
        betas: the shares of the moving averages of gradient and squared gradient that a step keeps.
        eps: added to the square root of the average of squares.
        weight_decay: what is added to the gradient, times the parameter.
        amsgrad: divide by the largest average of squares so far.
        maximize: go up the gradient, not down.
        groups: options for some parameters (see `Optimizer`).

    Raises:
        ValueError, TypeError: an option is not in its range.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, 2015, algorithm 1; Reddi et
    al., On the convergence of Adam and beyond, 2018 (amsgrad).
    """

    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        groups: Iterable[Group] = (),
    ) -> None:
        super().__init__(
            groups, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
            maximize=maximize,
        )  # fmt: skip

    def state_names(self, options: Options) -> tuple[str, ...]:
        names = ("step", "exp_avg", "exp_avg_sq")
        return (*names, "max_exp_avg_sq") if options["amsgrad"] else names

    def update(self, param: Array, grad: Array, state: State, lr: float, options: Options) -> None:
        state["step"] += 1
        step, average, squares = int(state["step"]), state["exp_avg"], state["exp_avg_sq"]
        (beta1, beta2), weight_decay = options["betas"], options["weight_decay"]
        decayed, move = self._scratch(param)
        if not self.decoupled:
            grad = with_decay(grad, param, weight_decay, decayed)
        elif weight_decay:
            param *= 1 - lr * weight_decay
        np.multiply(grad, 1 - beta1, out=move)
        average *= beta1
        average += move
        moving_average_of_squares(squares, grad, beta2, move)
        if options["amsgrad"]:
            squares = np.maximum(state["max_exp_avg_sq"], squares, out=state["max_exp_avg_sq"])
        np.sqrt(squares, out=move)
        move /= math.sqrt(1 - power(beta2, step))
        move += options["eps"]
        np.divide(average, move, out=move)
        move *= lr / (1 - power(beta1, step))
        param -= move


class AdamW(Adam):
    """Adam with decoupled weight decay, as torch.optim.AdamW.

    Before Adam's step, without a decay of its own, each parameter is multiplied with
    1 - lr * weight_decay.  Arguments and errors are those of Adam.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, 2019, algorithm 2.
    """

    decoupled = True

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        groups: Iterable[Group] = (),
    ) -> None:
        super().__init__(lr, betas, eps, weight_decay, amsgrad, maximize=maximize, groups=groups)
