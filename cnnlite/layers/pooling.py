"""Pooling, one number for each window of each channel, and upsampling."""

from typing import Any

import numpy as np

from cnnlite.checks.numbers import IntPair, flag, pair
from cnnlite.checks.windows import Padding, as_stored, resolve_pool_window
from cnnlite.functional import (
    adaptive_avg_pool2d_backward,
    adaptive_avg_pool2d_forward,
    adaptive_max_pool2d_backward,
    adaptive_max_pool2d_forward,
    avg_pool2d_backward,
    avg_pool2d_forward,
    interpolate_backward,
    interpolate_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)
from cnnlite.functional.adaptive import AdaptiveSize, adaptive_size
from cnnlite.functional.resample import Scale, check_settings
from cnnlite.layers.base import Grads, Layer
from cnnlite.post_ops import POOL
from cnnlite.random import RngLike

__all__ = ["AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AvgPool2d", "MaxPool2d", "Upsample"]


class MaxPool2d(Layer):
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

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return max_pool2d_forward(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (max_pool2d_backward(dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Layer):
    """The mean of each window; `torch.nn.AvgPool2d`.

    Args:
        kernel_size, stride, padding, ceil_mode: as for MaxPool2d.
        count_include_pad: whether a window on the edge is divided by its whole size, as if
            padding were pixels that are zero.

    Raises:
        ValueError: an argument is out of range.
    """

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

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return avg_pool2d_forward(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (avg_pool2d_backward(dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


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


class Upsample(Layer):
    """Images of another size; `torch.nn.Upsample`.

    Args:
        size: height and width of the output, or an int for both.
        scale_factor: instead of it a positive number, or one for the height and one for the width.
        mode: "nearest", or "bilinear".
        align_corners: for "bilinear", whether the centres of the corners stay corners.

    Raises:
        TypeError, ValueError: an argument is out of range, or not one of size and scale_factor is
            given.
    """

    def __init__(
        self,
        size: IntPair | None = None,
        scale_factor: Scale | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        settings = check_settings(size, scale_factor, mode, align_corners)
        self.size: Any = None if size is None else as_stored(size)
        self.scale_factor: Any = settings.scales
        if settings.scales and not isinstance(scale_factor, tuple | list):
            self.scale_factor = settings.scales[0]
        self.mode = mode
        self.align_corners = None if align_corners is None else settings.align_corners

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return interpolate_forward(x, self.size, self.scale_factor, self.mode, self.align_corners)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (interpolate_backward(dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        name = "size" if self.scale_factor is None else "scale_factor"
        return f"{name}={getattr(self, name)}, mode={self.mode!r}"
