"""Layers without parameters: each is a pair of `cnnlite.functional` and its settings."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.cache_memory import arrays_in
from cnnlite.layers.recompute import Recipe
from cnnlite.post_ops import PostOps
from cnnlite.random import RngLike

__all__ = ["PairLayer"]


class PairLayer(Layer):
    """A layer that calls a pair with its settings, and prints them."""

    operation: ClassVar[tuple[Callable[..., Any], Callable[..., Any]]]  # forward and backward
    settings: ClassVar[tuple[str, ...]] = ()  # the attributes that forward takes, in order

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        y, cache = self.operation[0](x, *[getattr(self, name) for name in self.settings])
        return y, cache

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (self.operation[1](dy, cache) if need_dx else None), {}

    def recipes(self, x: np.ndarray, y: np.ndarray, cache: Any, post: PostOps) -> Iterator[Recipe]:
        """Yield how y can be computed again, if the cache keeps x anyway."""
        if any(array is x for array in arrays_in(cache)):
            yield Recipe(y, self.output_again, x)

    def output_again(self, x: np.ndarray, addend: None = None) -> np.ndarray:
        """Return the output for x."""
        y: np.ndarray = PairLayer.forward(self, x)[0]
        return y

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.settings)
