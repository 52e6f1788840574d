"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cnnlite.backend import kernels
from cnnlite.optim.groups import Group
from cnnlite.optim.optimizer import Array, Optimizer, Options, Scratch, State, with_decay

__all__ = ["SGD"]


def sgd_update(
    param: Array,
    grad: Array,
    buffer: Array | None,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
    scratch: Scratch | None = None,
) -> None:
    """Change `param` (and `buffer`) in place by one step of SGD.

    The kernel works on contiguous memory; what is not goes through `scratch`, or a copy.

    With g = grad + weight_decay * param and b = momentum * b + g, the parameter moves by -lr * b,
    by -lr * (g + momentum * b) with Nesterov, and by -lr * g where there is no buffer.
    The velocity of the Stanford course is -lr * b.

    Source: torch.optim.SGD; Sutskever et al., On the importance of initialization and momentum in
    deep learning, 2013, rewritten as PyTorch has it (lr outside the buffer).
    """
    plain, plain_grad = param, grad
    if not _readable(param, grad):
        plain, plain_grad = scratch or (np.empty(param.shape, param.dtype) for _ in range(2))
        plain[...], plain_grad[...] = param, grad
    kernels.sgd_step(plain, plain_grad, buffer, lr, momentum, weight_decay, nesterov)
    if plain is not param:
        param[...] = plain


def _readable(param: Array, grad: Array) -> bool:
    """Whether the kernel can work on these arrays; the parameter is known to be writeable."""
    flags = grad.flags
    return param.flags.carray and flags.c_contiguous and flags.aligned


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, as torch.optim.SGD.

    Args:
        lr: learning rate.
        momentum: the share of its last move that a parameter keeps.
        dampening: the share of a gradient that momentum leaves out, from the second step on.
        weight_decay: what is added to the gradient, times the parameter.
        nesterov: look ahead by one move of momentum.
        maximize: go up the gradient, not down.
        groups: options for some parameters (see `Optimizer`).

    Raises:
        ValueError, TypeError: an option is not in its range, or nesterov is asked without momentum
            or with dampening.
    """

    def __init__(
        self,
        lr: float,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        groups: Iterable[Group] = (),
    ) -> None:
        super().__init__(
            groups, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
            nesterov=nesterov, maximize=maximize,
        )  # fmt: skip
        for options in self._every_options():
            if options["nesterov"] and not options["momentum"]:
                raise ValueError("SGD: nesterov needs a momentum above 0, got 0")
            if options["nesterov"] and options["dampening"]:
                dampening = options["dampening"]
                raise ValueError(f"SGD: nesterov needs a dampening of 0, got {dampening}")

    def state_names(self, options: Options) -> tuple[str, ...]:
        return ("momentum_buffer",) if options["momentum"] else ()

    def options_at_first(self, options: Options) -> Options:
        return {**options, "dampening": 0}  # the buffer begins as the gradient, as in PyTorch

    def prepare(self, param: Array, grad: Array, options: Options) -> None:
        if options["dampening"] or not _readable(param, grad):
            super().prepare(param, grad, options)

    def update(self, param: Array, grad: Array, state: State, lr: float, options: Options) -> None:
        momentum, weight_decay = options["momentum"], options["weight_decay"]
        buffer = state["momentum_buffer"] if momentum else None
        if momentum and options["dampening"]:
            _, out = self._scratch(param)
            grad = with_decay(grad, param, weight_decay, out)
            grad = np.multiply(grad, 1 - options["dampening"], out=out)
            weight_decay = 0
        nesterov = options["nesterov"]
        if _readable(param, grad):
            kernels.sgd_step(param, grad, buffer, lr, momentum, weight_decay, nesterov)
        else:
            scratch = self._scratch(param)
            sgd_update(param, grad, buffer, lr, momentum, weight_decay, nesterov, scratch)
