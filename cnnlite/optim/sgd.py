"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cnnlite.optim.optimizer import Array, Group, Optimizer, Scratch, with_decay


def sgd_update(
    param: Array,
    grad: Array,
    buffer: Array | None,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
    scratch: Scratch,
) -> None:
    """Change `param` (and `buffer`) in place by one step of SGD.

    With g = grad + weight_decay * param and b = momentum * b + g, the parameter moves by -lr * b,
    by -lr * (g + momentum * b) with Nesterov, and by -lr * g where there is no buffer.
    The velocity of the Stanford course is -lr * b.

    Source: torch.optim.SGD; Sutskever et al., On the importance of initialization and momentum in
    deep learning, 2013, rewritten as PyTorch has it (lr outside the buffer).
    """
    decayed, move = scratch
    grad = with_decay(grad, param, weight_decay, decayed)
    if buffer is None:
        np.multiply(grad, lr, out=move)
    else:
        buffer *= momentum
        buffer += grad
        if nesterov:
            np.multiply(buffer, momentum, out=move)
            move += grad
            move *= lr
        else:
            np.multiply(buffer, lr, out=move)
    param -= move


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, as torch.optim.SGD.

    Args:
        lr: learning rate.
        momentum: the share of its last move that a parameter keeps.
        weight_decay: what is added to the gradient, times the parameter.
        nesterov: look ahead by one move of momentum.
        groups: options for some parameters (see `Optimizer`).

    Raises:
        ValueError, TypeError: an option is not in its range, or nesterov is asked without momentum.
    """

    def __init__(
        self,
        lr: float,
        momentum: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        groups: Iterable[Group] = (),
    ) -> None:
        super().__init__(
            groups, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
        )
        for options in (self.options, *(options for _, options in self.groups)):
            if options["nesterov"] and not options["momentum"]:
                raise ValueError("SGD: nesterov needs a momentum above 0, got 0")

    def state_names(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if options["momentum"] else ()

    def update(
        self,
        param: Array,
        grad: Array,
        state: dict[str, Any],
        lr: float,
        options: Mapping[str, Any],
    ) -> None:
        momentum, weight_decay = options["momentum"], options["weight_decay"]
        buffer = state["momentum_buffer"] if momentum else None
        nesterov, scratch = options["nesterov"], self._scratch(param)
        sgd_update(param, grad, buffer, lr, momentum, weight_decay, nesterov, scratch)
