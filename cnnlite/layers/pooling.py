"""Pooling: one number for each window of each channel."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from cnnlite.checks import one_axis
from cnnlite.checks.numbers import IntPair, flag, pair
from cnnlite.checks.windows import Padding, as_stored, resolve_pool_window
from cnnlite.functional.one_axis import (
    avg_pool1d_backward,
    avg_pool1d_forward,
    max_pool1d_backward,
    max_pool1d_forward,
)
from cnnlite.functional.pooling import (
    avg_pool2d_backward,
    avg_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)
from cnnlite.layers.base import Grads, Layer
from cnnlite.post_ops import POOL
from cnnlite.random import RngLike

__all__ = ["AvgPool1d", "AvgPool2d", "MaxPool1d", "MaxPool2d"]


class _Pool(Layer):
    """What the poolings share: how they are called and printed."""

    operation: ClassVar[tuple[Callable[..., Any], Callable[..., Any]]]  # forward and backward
    settings: ClassVar[tuple[str, ...]]  # the attributes that it takes, in order
    printed: ClassVar[int]  # how many of them PyTorch prints

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        y, cache = self.operation[0](x, *(getattr(self, name) for name in self.settings))
        return y, cache

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (self.operation[1](dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        names = self.settings[: self.printed]
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class _MaxPool(_Pool):
    settings: ClassVar = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    printed: ClassVar = 5


class _AvgPool(_Pool):
    settings: ClassVar = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    printed: ClassVar = 3


class MaxPool2d(_MaxPool):
    """The largest pixel of each window; `torch.nn.MaxPool2d`.

    Args:
        kernel_size: of the windows, an int, a pair or a tuple of one, in pixels.
        stride: from window to window, likewise; None is the kernel's size.
        padding: an int, a pair, ((top, bottom), (left, right)), "same" or "valid"; at most half
            of what the kernel spans.  Padding is never the largest.
        dilation: distance between the pixels of a window.
        ceil_mode: whether a last window may stick out.

    Raises:
        ValueError: an argument is out of range.
    """

    operation: ClassVar = (max_pool2d_forward, max_pool2d_backward)

    def __init__(
        self,
        kernel_size: IntPair,
        stride: IntPair | None = None,
        padding: Padding = 0,
        dilation: IntPair = 1,
        ceil_mode: bool = False,
    ) -> None:
        resolve_pool_window("MaxPool2d", kernel_size, stride, padding, dilation)
        self.kernel_size = as_stored(kernel_size)
        self.stride = self.kernel_size if stride is None else as_stored(stride)
        self.padding = as_stored(padding)
        self.dilation = as_stored(dilation)
        self.ceil_mode = flag("MaxPool2d", "ceil_mode", ceil_mode)

    @property
    def post_op(self) -> str | None:
        """The pooling that networks have can follow another layer: 2x2, stride 2, nothing else."""
        kernel, stride = (pair("MaxPool2d", "", v) for v in (self.kernel_size, self.stride))
        plain = self.padding in (0, (0, 0), "valid") and self.dilation in (1, (1, 1))
        halves = kernel == stride == (2, 2) and plain and not self.ceil_mode
        return POOL if halves else None


class MaxPool1d(_MaxPool):
    """The largest element of each window of (N, C, L); `torch.nn.MaxPool1d`.

    Args:
        kernel_size: of the windows, an int or a tuple of one.
        stride: from window to window, likewise; None is the kernel's size.
        padding: an int, a tuple of one, (left, right), "same" or "valid"; at most half of what the
            kernel spans.  Padding is never the largest.
        dilation: distance between the elements of a window.
        ceil_mode: whether a last window may stick out.

    Raises:
        ValueError: an argument is out of range.
    """

    operation: ClassVar = (max_pool1d_forward, max_pool1d_backward)

    def __init__(
        self,
        kernel_size: IntPair,
        stride: IntPair | None = None,
        padding: Padding = 0,
        dilation: IntPair = 1,
        ceil_mode: bool = False,
    ) -> None:
        window = one_axis.resolve_pool_window("MaxPool1d", kernel_size, stride, padding, dilation)
        self.kernel_size, self.stride, self.dilation = (window[i][1] for i in (0, 1, 3))
        self.padding = one_axis.as_stored(padding, window)
        self.ceil_mode = flag("MaxPool1d", "ceil_mode", ceil_mode)


class AvgPool2d(_AvgPool):
    """The mean of each window; `torch.nn.AvgPool2d`.

    Args:
        kernel_size, stride, padding, ceil_mode: as for MaxPool2d.
        count_include_pad: whether a window on the edge is divided by its whole size, as if
            padding were pixels that are zero.

    Raises:
        ValueError: an argument is out of range.
    """

    operation: ClassVar = (avg_pool2d_forward, avg_pool2d_backward)

    def __init__(
        self,
        kernel_size: IntPair,
        stride: IntPair | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        resolve_pool_window("AvgPool2d", kernel_size, stride, padding)
        self.kernel_size = as_stored(kernel_size)
        self.stride = self.kernel_size if stride is None else as_stored(stride)
        self.padding = as_stored(padding)
        self.ceil_mode = flag("AvgPool2d", "ceil_mode", ceil_mode)
        self.count_include_pad = flag("AvgPool2d", "count_include_pad", count_include_pad)


class AvgPool1d(_AvgPool):
    """The mean of each window of (N, C, L); `torch.nn.AvgPool1d`.

    Args:
        kernel_size, stride, padding, ceil_mode: as for MaxPool1d.
        count_include_pad: as for AvgPool2d.

    Raises:
        ValueError: an argument is out of range.
    """

    operation: ClassVar = (avg_pool1d_forward, avg_pool1d_backward)

    def __init__(
        self,
        kernel_size: IntPair,
        stride: IntPair | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        window = one_axis.resolve_pool_window("AvgPool1d", kernel_size, stride, padding)
        self.kernel_size, self.stride = window[0][1:], window[1][1:]
        stored = one_axis.as_stored(padding, window)
        self.padding = (stored,) if isinstance(stored, int) else stored
        self.ceil_mode = flag("AvgPool1d", "ceil_mode", ceil_mode)
        self.count_include_pad = flag("AvgPool1d", "count_include_pad", count_include_pad)
