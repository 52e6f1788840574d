"""Pooling: one number for each window of each channel."""

from typing import Any, ClassVar

from cnnlite import functional as F
from cnnlite.checks import one_axis
from cnnlite.checks.numbers import IntPair, flag, pair
from cnnlite.checks.windows import Padding, as_stored, resolve_pool_window
from cnnlite.layers.pair import PairLayer
from cnnlite.post_ops import POOL

__all__ = ["AvgPool1d", "AvgPool2d", "MaxPool1d", "MaxPool2d"]


class _Pool(PairLayer):
    """What the poolings share: their windows, here those of images."""

    kernel_size: Any  # each as the caller wrote it, in Python's ints and tuples
    stride: Any
    padding: Any
    dilation: Any

    def _set_window(
        self, kernel_size: IntPair, stride: IntPair | None, padding: Padding, dilation: IntPair = 1
    ) -> None:
        """Check the window, and set the attributes of these names."""
        resolve_pool_window(type(self).__name__, kernel_size, stride, padding, dilation)
        self.kernel_size = as_stored(kernel_size)
        self.stride = self.kernel_size if stride is None else as_stored(stride)
        self.padding = as_stored(padding)
        self.dilation = as_stored(dilation)


class _MaxPool(_Pool):
    settings: ClassVar = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self,
        kernel_size: IntPair,
        stride: IntPair | None = None,
        padding: Padding = 0,
        dilation: IntPair = 1,
        ceil_mode: bool = False,
    ) -> None:
        self._set_window(kernel_size, stride, padding, dilation)
        self.ceil_mode = flag(type(self).__name__, "ceil_mode", ceil_mode)


class _AvgPool(_Pool):
    settings: ClassVar = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")

    def __init__(
        self,
        kernel_size: IntPair,
        stride: IntPair | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        name = type(self).__name__
        self._set_window(kernel_size, stride, padding)
        self.ceil_mode = flag(name, "ceil_mode", ceil_mode)
        self.count_include_pad = flag(name, "count_include_pad", count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


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

    new_dx: ClassVar = True
    operation: ClassVar = (F.max_pool2d_forward, F.max_pool2d_backward)

    @property
    def post_op(self) -> str | None:
        """The commonest pooling can follow another layer: 2x2, stride 2, nothing else."""
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

    new_dx: ClassVar = True
    operation: ClassVar = (F.max_pool1d_forward, F.max_pool1d_backward)

    def _set_window(
        self, kernel_size: IntPair, stride: IntPair | None, padding: Padding, dilation: IntPair = 1
    ) -> None:
        window = one_axis.resolve_pool_window("MaxPool1d", kernel_size, stride, padding, dilation)
        self.kernel_size, self.stride, self.dilation = (window[i][1] for i in (0, 1, 3))
        self.padding = one_axis.as_stored(padding, window)


class AvgPool2d(_AvgPool):
    """The mean of each window; `torch.nn.AvgPool2d`.

    Args:
        kernel_size, stride, padding, ceil_mode: as for MaxPool2d.
        count_include_pad: whether a window on the edge is divided by its whole size, as if
            padding were pixels that are zero.

    Raises:
        ValueError: an argument is out of range.
    """

    new_dx: ClassVar = True
    operation: ClassVar = (F.avg_pool2d_forward, F.avg_pool2d_backward)


class AvgPool1d(_AvgPool):
    """The mean of each window of (N, C, L); `torch.nn.AvgPool1d`.

    Args:
        kernel_size, stride, padding, ceil_mode: as for MaxPool1d.
        count_include_pad: as for AvgPool2d.

    Raises:
        ValueError: an argument is out of range.
    """

    new_dx: ClassVar = True
    operation: ClassVar = (F.avg_pool1d_forward, F.avg_pool1d_backward)

    def _set_window(
        self, kernel_size: IntPair, stride: IntPair | None, padding: Padding, dilation: IntPair = 1
    ) -> None:
        window = one_axis.resolve_pool_window("AvgPool1d", kernel_size, stride, padding)
        self.kernel_size, self.stride = window[0][1:], window[1][1:]
        stored = one_axis.as_stored(padding, window)
        self.padding = (stored,) if isinstance(stored, int) else stored
