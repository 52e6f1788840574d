"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cnnlite._backend import kernels
from cnnlite.optim.optimizer import Array, Group, Optimizer


def sgd_update(
    param: Array,
    grad: Array,
    buffer: Array | None,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> None:
    """Change `param` (and `buffer`) in place by one step of SGD.

    With g = grad + weight_decay * param and b = momentum * b + g, the parameter moves by -lr * b,
    by -lr * (g + momentum * b) with Nesterov, and by -lr * g where there is no buffer.
    The velocity of the Stanford course is -lr * b.

    Source: torch.optim.SGD; Sutskever et al., On the importance of initialization and momentum in
    deep learning, 2013, rewritten as PyTorch has it (lr outside the buffer).
    """
    arrays = [array for array in (param, buffer) if array is not None]
    plain = [_plain(array) for array in arrays]
    kernels.sgd_step(
        plain[0],
        _plain(grad),
        plain[1] if buffer is not None else None,
        lr,
        momentum,
        weight_decay,
        nesterov,
    )
    for array, copy in zip(arrays, plain, strict=True):
        if copy is not array:  # it was not contiguous: the kernel changed a copy
            array[...] = copy


def _plain(array: Array) -> Array:
    """The array itself if it is contiguous, aligned and writeable, or a copy that is."""
    return array if array.flags.carray else np.require(array, requirements=["C", "A", "W"])


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
        sgd_update(param, grad, buffer, lr, momentum, weight_decay, options["nesterov"])
