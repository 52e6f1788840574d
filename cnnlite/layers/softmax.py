"""Softmax along an axis, and its logarithm."""

from typing import Any

import numpy as np

from cnnlite import functional as F
from cnnlite.checks.numbers import integer
from cnnlite.layers.base import Grads, Layer
from cnnlite.random import RngLike

__all__ = ["LogSoftmax", "Softmax"]


class Softmax(Layer):
    """y = exp(x) / sum of exp(x) along an axis; `torch.nn.Softmax`.

    `CrossEntropyLoss` has a softmax of its own, so a network that it trains ends without one.

    Args:
        dim: the axis along which y adds up to 1.

    Raises:
        TypeError: dim is no integer.
    """

    def __init__(self, dim: int = 1) -> None:
        self.dim = integer("Softmax", "dim", dim)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.softmax_forward(x, self.dim)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.softmax_backward(dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Layer):
    """y = x - log(sum of exp(x)) along an axis; `torch.nn.LogSoftmax`.

    `NLLLoss` takes what it gives.

    Args:
        dim: the axis along which exp(y) adds up to 1.

    Raises:
        TypeError: dim is no integer.
    """

    def __init__(self, dim: int = 1) -> None:
        self.dim = integer("LogSoftmax", "dim", dim)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.log_softmax_forward(x, self.dim)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.log_softmax_backward(dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
