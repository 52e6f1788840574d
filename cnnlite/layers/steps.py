"""How a network's layers are cut into steps, and which layers run together as one.

A step runs one layer, or several at once where that saves a pass over memory.  Which several is
said by one table, `FUSED`: it takes exact types, so that a class derived from one of ours always
runs as it was written, and a step of it gives the same bits as its layers one by one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.container import child_rng
from cnnlite.random import Rng

__all__ = ["FUSED", "Step", "SumStep", "cut_into_steps"]


class Step:
    """One layer of a network, run by itself.

    A step of several layers derives from this class and has the three methods in its own way.

    Args:
        layers: the layers it runs, by their names in the network, in order.
    """

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        self.layers = dict(layers)

    def forward(self, x: np.ndarray, train: bool, rng: Rng | None) -> tuple[np.ndarray, Any]:
        """Return the output of the last layer, and one cache for all of them.

        Args:
            x: the input of the first layer.
            train: as for a layer.
            rng: where the network draws random numbers; each layer draws at `child_rng`.
        """
        ((name, layer),) = self.layers.items()
        return layer.forward(x, train, child_rng(rng, name, layer))

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool
    ) -> tuple[np.ndarray | None, list[tuple[str, Grads]]]:
        """Return the gradient of the first layer's input, and (name, gradients) of the layers."""
        ((name, layer),) = self.layers.items()
        dx, grads = layer.backward(dy, cache, need_dx)
        return dx, [(name, grads)]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the output as in inference, and keep nothing."""
        (layer,) = self.layers.values()
        return layer(x)


class SumStep(Step, ABC):
    """A step that can add something to its output while it writes it: a residual block ends so."""

    @abstractmethod
    def forward_sum(
        self, x: np.ndarray, train: bool, rng: Rng | None, addend: np.ndarray, relu: bool
    ) -> tuple[np.ndarray, Any]:
        """Return the output plus `addend`, or max(0, .) of the sum, and the cache for all.

        Args:
            x, train, rng: as in `forward`.
            addend: of the shape and dtype of the output.
            relu: whether the sum goes through ReLU.
        """

    @abstractmethod
    def backward_sum(
        self, dy: np.ndarray, cache: Any, need_dx: bool
    ) -> tuple[np.ndarray | None, list[tuple[str, Grads]], np.ndarray]:
        """Return what `backward` does, and the gradient of the addend: dy itself, or new memory.

        It undoes the ReLU too, so dy is the gradient of what `forward_sum` returned.
        """


FUSED: dict[tuple[type[Layer], ...], Callable[[Mapping[str, Layer]], Step | None]] = {}
"""Exact types of layers in sequence -> what makes the step that runs them together.

It is called with the layers by name, and may return None: not with these settings.
"""


def cut_into_steps(layers: Mapping[str, Layer], fuse: bool = True) -> list[Step]:
    """Return the steps that run these layers: the longest group of `FUSED` first.

    Args:
        layers: the layers by name, in order.
        fuse: whether layers may run together at all.
    """
    names = list(layers)
    longest = max(map(len, FUSED), default=1) if fuse else 1
    steps: list[Step] = []
    while names:
        for length in range(min(longest, len(names)), 0, -1):
            group = {name: layers[name] for name in names[:length]}
            step = _fused(group) if fuse else None
            if step is None and length == 1:
                step = Step(group)
            if step is not None:
                steps.append(step)
                del names[:length]
                break
    return steps


def _fused(group: Mapping[str, Layer]) -> Step | None:
    make = FUSED.get(tuple(type(layer) for layer in group.values()))
    return make(group) if make is not None else None
