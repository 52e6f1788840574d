"""Dropout, of elements and of channels."""

from typing import Any

import numpy as np

from cnnlite.checks.numbers import real
from cnnlite.functional import (
    dropout2d_backward,
    dropout2d_forward,
    dropout_backward,
    dropout_forward,
)
from cnnlite.layers.base import Grads, Layer
from cnnlite.random import RngLike, as_rng

__all__ = ["Dropout", "Dropout2d"]


class Dropout(Layer):
    """Zeroes elements at random while training, and scales the others up; `torch.nn.Dropout`.

    The mask depends on the seed, the step and the layer's path, which `rng` holds, and on the
    element; on nothing else.

    Args:
        p: probability to drop an element.

    Raises:
        TypeError, ValueError: p is not a number from 0 to 1.

    Source:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
        JMLR 2014, section 10 (scaled while training: "inverted").
    """

    random = True

    def __init__(self, p: float = 0.5) -> None:
        self.p = real("Dropout", "p", p, 0, 1)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        drops = train and self.p > 0
        return dropout_forward(x, self.p, train, as_rng(rng, "Dropout") if drops else None)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (dropout_backward(dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout2d(Layer):
    """Zeroes whole channels at random while training, and scales the others up.

    `torch.nn.Dropout2d`.  The mask depends on what that of Dropout does, but for each image's
    channels instead of elements.

    Args:
        p: probability to drop a channel.

    Raises:
        TypeError, ValueError: p is not a number from 0 to 1.

    Source:
        Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015,
        section 3.2.
    """

    random = True

    def __init__(self, p: float = 0.5) -> None:
        self.p = real("Dropout2d", "p", p, 0, 1)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        drops = train and self.p > 0
        return dropout2d_forward(x, self.p, train, as_rng(rng, "Dropout2d") if drops else None)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (dropout2d_backward(dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        return f"p={self.p}"
