"""Layers that compute nothing: they return x as it is, or in another shape."""

import math

import numpy as np

from cnnlite.checks.arrays import check_array
from cnnlite.checks.numbers import integer
from cnnlite.layers.base import Grads, Layer
from cnnlite.random import RngLike

__all__ = ["Flatten", "Identity"]


class Identity(Layer):
    """y = x; `torch.nn.Identity`."""

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, None]:
        return x, None

    def backward(
        self, dy: np.ndarray, cache: None, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return dy, {}


class Flatten(Layer):
    """Make one axis of several; `torch.nn.Flatten`.

    Args:
        start_dim: the first of the axes; the default leaves the batch alone.
        end_dim: the last of them.

    Raises:
        TypeError: one of them is not an integer.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = integer("Flatten", "start_dim", start_dim)
        self.end_dim = integer("Flatten", "end_dim", end_dim)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, tuple[int, ...]]:
        """Return x in its new shape, and its old one.

        Raises:
            TypeError: x is not an array.
            ValueError: x does not have these axes, in this order.
        """
        check_array("Flatten", "x", x)
        axes = range(x.ndim)
        try:
            start, end = axes[self.start_dim], axes[self.end_dim]
        except IndexError:
            start, end = 1, 0
        if start > end:
            raise ValueError(
                f"Flatten: x {x.shape} has no axes from {self.start_dim} to {self.end_dim}"
            )
        flat = math.prod(x.shape[start : end + 1])
        return x.reshape(*x.shape[:start], flat, *x.shape[end + 1 :]), x.shape

    def backward(
        self, dy: np.ndarray, cache: tuple[int, ...], need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        if not need_dx:
            return None, {}
        if dy.size != math.prod(cache):
            raise ValueError(f"Flatten: dy has shape {dy.shape}, x had {cache}")
        return dy.reshape(cache), {}

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
