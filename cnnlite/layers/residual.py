"""A branch and a short way around it, added up."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from cnnlite._backend import empty, kernels
from cnnlite.checks.arrays import check_floats, contiguous
from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.container import Container, check_branches, child_rng
from cnnlite.layers.sequential import Sequential
from cnnlite.random import Rng, RngLike

__all__ = ["Residual"]


class ResidualCache(NamedTuple):
    """What the two branches need; a sum needs nothing.

    Attributes:
        body: the body's cache.
        shortcut: the shortcut's cache, None for the identity.
        sum_in_body: whether the body's last layer wrote the sum, and so undoes a ReLU behind it.
    """

    body: Any
    shortcut: Any
    sum_in_body: bool


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
        body_rng = child_rng(place, "body", self.body)
        if _sums(self.body):
            short, shortcut = self._short(x, train, place)
            y, body = self.body.forward_sum(x, train, body_rng, short, relu)
            return y, ResidualCache(body, shortcut, True)
        y, body = self.body.forward(x, train, body_rng)
        short, shortcut = self._short(x, train, place)
        return _add(y, short, relu), ResidualCache(body, shortcut, False)

    def _short(self, x: np.ndarray, train: bool, place: Rng | None) -> tuple[np.ndarray, Any]:
        """The shortcut's output and cache."""
        if self.shortcut is None:
            return x, None
        return self.shortcut.forward(x, train, child_rng(place, "shortcut", self.shortcut))

    def backward(
        self, dy: np.ndarray, cache: ResidualCache, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        dshort = dy
        if cache.sum_in_body:
            assert isinstance(self.body, Sequential)
            dx, grads, dshort = self.body.backward_sum(dy, cache.body, need_dx)
        else:
            dx, grads = self.body.backward(dy, cache.body, need_dx)
        parts = [("body", grads)]
        short: np.ndarray | None = dshort
        out = dshort if dshort is not dy else None  # memory of this call may be added to
        if self.shortcut is not None:
            short, grads = self.shortcut.backward(dshort, cache.shortcut, need_dx)
            parts.append(("shortcut", grads))
            out = None
        if not need_dx:
            return None, self.gather_grads(parts)
        if dx is None or short is None:
            raise TypeError(f"{self!r}: a branch returned no dx, though need_dx is true")
        return _add(dx, short, out=out), self.gather_grads(parts)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.infer_sum(x, relu=False)

    def infer_sum(self, x: np.ndarray, relu: bool) -> np.ndarray:
        """Return the sum, or max(0, .) of it, as in inference, and keep nothing."""
        check_floats("Residual", x=x)
        short = x if self.shortcut is None else self.shortcut(x)
        if _sums(self.body):
            return self.body.infer_sum(x, short, relu)
        return _add(self.body(x), short, relu)

    def children(self) -> Mapping[str, Layer]:
        if self.shortcut is None:
            return {"body": self.body}
        return {"body": self.body, "shortcut": self.shortcut}


def _sums(body: Layer) -> TypeGuard[Sequential]:
    """Whether the body can add the shortcut to its output while it writes it."""
    return type(body) is Sequential and body.sums


def _add(
    y: np.ndarray, short: np.ndarray, relu: bool = False, out: np.ndarray | None = None
) -> np.ndarray:
    """The sum, in `out` or in memory of its own: both y and short may be kept in a cache."""
    check_branches(y, short)
    total = empty(y.shape, y.dtype) if out is None else out
    kernels.add(contiguous(y), contiguous(short), total, relu)
    return total
