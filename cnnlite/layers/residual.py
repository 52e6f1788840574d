"""A branch and a short way around it, added up."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from cnnlite._backend import empty, kernels
from cnnlite.functional._checks import check_floats, contiguous
from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.container import Container, child_rng
from cnnlite.random import Rng, RngLike

__all__ = ["Residual"]


class ResidualCache(NamedTuple):
    """What the two branches need; a sum needs nothing.

    Attributes:
        body: the body's cache.
        shortcut: the shortcut's cache, None for the identity.
    """

    body: Any
    shortcut: Any


class Residual(Container):
    """y = body(x) + shortcut(x), without an activation after the sum.

    Args:
        body: the layer that learns the difference to the shortcut.
        shortcut: the layer beside it, for where shapes change; None is the identity.

    Raises:
        TypeError: one of them is not a Layer.

    Source:
        He et al., "Deep residual learning for image recognition", CVPR 2016, equations 1 and 2.
    """

    def __init__(self, body: Layer, shortcut: Layer | None = None) -> None:
        for name, layer in (("body", body), ("shortcut", shortcut)):
            if not isinstance(layer, Layer) and (layer is not None or name == "body"):
                raise TypeError(f"Residual: {name} is {layer!r}, expected a Layer")
        self.body = body
        self.shortcut = shortcut

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, ResidualCache]:
        return self.forward_sum(x, train, self.place(train, rng), relu=False)

    def forward_sum(
        self, x: np.ndarray, train: bool, place: Rng | None, relu: bool
    ) -> tuple[np.ndarray, ResidualCache]:
        """Return the sum, or max(0, .) of it, and the cache.

        Args:
            x: the input.
            train: as for every layer.
            place: where the branches draw random numbers, from `Container.place`.
            relu: whether the sum goes through ReLU while it is written.
        """
        check_floats("Residual", x=x)
        y, body = self.body.forward(x, train, child_rng(place, "body", self.body))
        if self.shortcut is None:
            return _add(y, x, relu), ResidualCache(body, None)
        short, cache = self.shortcut.forward(x, train, child_rng(place, "shortcut", self.shortcut))
        return _add(y, short, relu), ResidualCache(body, cache)

    def backward(
        self, dy: np.ndarray, cache: ResidualCache, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        dx, grads = self.body.backward(dy, cache.body, need_dx)
        parts = [("body", grads)]
        short: np.ndarray | None = dy
        if self.shortcut is not None:
            short, grads = self.shortcut.backward(dy, cache.shortcut, need_dx)
            parts.append(("shortcut", grads))
        if not need_dx:
            return None, self.gather_grads(parts)
        if dx is None or short is None:
            raise TypeError(f"{self!r}: a branch returned no dx, though need_dx is true")
        return _add(dx, short), self.gather_grads(parts)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.infer_sum(x, relu=False)

    def infer_sum(self, x: np.ndarray, relu: bool) -> np.ndarray:
        """Return the sum, or max(0, .) of it, as in inference, and keep nothing."""
        check_floats("Residual", x=x)
        return _add(self.body(x), x if self.shortcut is None else self.shortcut(x), relu)

    def children(self) -> Mapping[str, Layer]:
        if self.shortcut is None:
            return {"body": self.body}
        return {"body": self.body, "shortcut": self.shortcut}


def _add(y: np.ndarray, short: np.ndarray, relu: bool = False) -> np.ndarray:
    """The sum, in memory of its own: either may be kept in a cache."""
    if y.shape != short.shape:
        raise ValueError(f"Residual: body gives {y.shape}, shortcut gives {short.shape}")
    if y.dtype != short.dtype:
        raise TypeError(f"Residual: body gives {y.dtype}, shortcut gives {short.dtype}")
    total = empty(y.shape, y.dtype)
    kernels.add(contiguous(y), contiguous(short), total, relu)
    return total
