"""Pooling whose windows follow from the size of the output."""

from typing import Any

import numpy as np

from cnnlite.checks.windows import as_stored
from cnnlite.functional.adaptive import (
    AdaptiveSize,
    adaptive_avg_pool2d_backward,
    adaptive_avg_pool2d_forward,
    adaptive_max_pool2d_backward,
    adaptive_max_pool2d_forward,
    adaptive_size,
)
from cnnlite.layers.base import Grads, Layer
from cnnlite.random import RngLike

__all__ = ["AdaptiveAvgPool2d", "AdaptiveMaxPool2d"]


class _AdaptivePool2d(Layer):
    """What the adaptive poolings share: the output's size."""

    def __init__(self, output_size: AdaptiveSize = 1) -> None:
        adaptive_size(type(self).__name__, output_size)
        if isinstance(output_size, tuple | list) and len(output_size) == 2:
            sizes = (None if size is None else as_stored(size) for size in output_size)
            self.output_size: Any = tuple(sizes)
        else:
            self.output_size = as_stored(output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool2d(_AdaptivePool2d):
    """The mean of each of so many windows; `torch.nn.AdaptiveAvgPool2d`.

    Args:
        output_size: height and width of the output, or an int for both; None in it keeps the
            image's.  1 is the mean of each channel.

    Raises:
        ValueError: it is no size.
    """

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return adaptive_avg_pool2d_forward(x, self.output_size)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (adaptive_avg_pool2d_backward(dy, cache) if need_dx else None), {}


class AdaptiveMaxPool2d(_AdaptivePool2d):
    """The largest pixel of each of so many windows; `torch.nn.AdaptiveMaxPool2d`.

    Args:
        output_size: as for AdaptiveAvgPool2d.

    Raises:
        ValueError: it is no size.
    """

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return adaptive_max_pool2d_forward(x, self.output_size)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (adaptive_max_pool2d_backward(dy, cache) if need_dx else None), {}
