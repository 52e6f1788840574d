"""Lookahead: slow weights that follow an optimizer's fast ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnlite.checks.numbers import count, real, shown
from cnnlite.optim.arrays import step_count
from cnnlite.optim.optimizer import Array, Optimizer
from cnnlite.optim.whole import wholly

__all__ = ["Lookahead"]

SLOW = "slow_buffer"


class Lookahead:
    """Takes another optimizer's steps, and goes back part of the way after every k of them.

        optimizer = Lookahead(SGD(0.1, momentum=0.9), k=5, alpha=0.5)

    The slow weights begin as the parameters.  After each k steps they move by alpha of the way to
    the parameters, which are then set to them.  What the other optimizer remembers stays.

    Args:
        optimizer: takes the steps, and has the options, the groups and the learning rate.
        k: steps between two moves of the slow weights.
        alpha: the share of the way that they go, above 0 up to 1.

    Attributes:
        steps: how many have been taken.

    Raises:
        TypeError, ValueError: an argument is out of range.

    Source: Zhang et al., Lookahead optimizer: k steps forward, 1 step back, 2019, algorithm 1.
    """

    def __init__(self, optimizer: Optimizer, k: int = 5, alpha: float = 0.5) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"Lookahead: optimizer is {shown(optimizer)}, expected one such as SGD(0.1)"
            )
        self.optimizer = optimizer
        self.k = count("Lookahead", "k", k)
        self.alpha = real("Lookahead", "alpha", alpha, 0, 1, open_low=True)
        self.steps = 0
        self._slow: dict[str, Array] = {}

    @property
    def lr(self) -> float:
        """The other optimizer's learning rate, which may be set."""
        return self.optimizer.lr

    @lr.setter
    def lr(self, lr: float) -> None:
        self.optimizer.lr = lr

    def step(
        self, params: Mapping[str, Array], grads: Mapping[str, Array | None], lr_factor: float = 1.0
    ) -> None:
        """Take a step of the other optimizer, wholly or not at all, then follow where it is due.

        Args, Raises: as for `Optimizer.step`; or the slow weights are of another model.
        """
        moving = [key for key in grads if grads[key] is not None and key in params]
        for key in moving:
            slow = self._slow.get(key)
            if slow is not None and slow.shape != np.shape(params[key]):
                raise ValueError(
                    f"Lookahead: {key!r}: {SLOW} has shape {slow.shape}, parameter "
                    f"{np.shape(params[key])}: it is of another model; make a new one"
                )
        fresh = {key: np.array(params[key]) for key in moving if key not in self._slow}
        with wholly():
            self.optimizer.step(params, grads, lr_factor)
            self._slow |= fresh
            self.steps += 1
            if self.steps % self.k:
                return
            # An array that stands under two keys moves once.
            homes = {id(params[key]): key for key in reversed(moving)}
            for key in homes.values():
                slow, param = self._slow[key], params[key]
                slow += (param - slow) * self.alpha
                param[...] = slow

    def check_params(self, params: Mapping[str, Array]) -> None:
        """Raise ValueError unless the state is of these parameters; see `Optimizer`."""
        self.optimizer.check_params(params)

    def config(self) -> dict[str, Any]:
        """Return name, options and the other optimizer as plain values."""
        own = {"name": "Lookahead", "k": self.k, "alpha": self.alpha}
        return {**own, "optimizer": self.optimizer.config()}

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the other optimizer's state, and of the slow weights."""
        slow = {f"{key}/{SLOW}": array.copy() for key, array in self._slow.items()}
        return {**self.optimizer.state_dict(), **slow, "step": np.array(self.steps)}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Replace the state by copies of what `state_dict` returned.

        Raises:
            TypeError, ValueError: it is something else.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"Lookahead: state must be a mapping of arrays, got {shown(state)}")
        rest = dict(state)
        steps = step_count("Lookahead", "step", rest.pop("step", None))
        slow = {
            key.removesuffix(f"/{SLOW}"): np.array(rest.pop(key))
            for key in state
            if key.endswith(f"/{SLOW}")
        }
        self.optimizer.load_state_dict(rest)
        self.steps, self._slow = steps, slow
