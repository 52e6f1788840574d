"""The course's convolution.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import count, integer
from cnnlite.compat.cs231n.pointwise import relu_backward
from cnnlite.compat.cs231n.windows import conv_backward, conv_forward
from cnnlite.compat.cs7643.greeting import greeter
from cnnlite.compat.cs7643.modules.module import Module
from cnnlite.post_ops import NO_POST_OPS, RELU

__all__ = ["Conv2D", "hello_do_you_copy"]

hello_do_you_copy = greeter("convolution.py")


class Conv2D(Module):
    """A convolution with square filters.

    Args:
        in_channels, out_channels: of the images, and the number of filters.
        kernel_size, stride, padding: in pixels, the padding on each side.

    Attributes:
        weight: (out_channels, in_channels, kernel_size, kernel_size), 1e-3 times the normal numbers
            that `np.random.seed(1024)` begins with, float64.
        bias: (out_channels,), zeros.
        dx, dw, db: the gradients, after `backward`.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.in_channels = count("Conv2D", "in_channels", in_channels)
        self.out_channels = count("Conv2D", "out_channels", out_channels)
        self.kernel_size = count("Conv2D", "kernel_size", kernel_size)
        self.stride = count("Conv2D", "stride", stride)
        self.padding = integer("Conv2D", "padding", padding, 0)
        shape = (self.out_channels, self.in_channels, self.kernel_size, self.kernel_size)
        np.random.seed(1024)  # noqa: NPY002
        self.weight: Any = 1e-3 * np.random.randn(*shape)  # noqa: NPY002
        self.bias: Any = np.zeros(self.out_channels)
        self._positive: Array | None = None  # the output, if a ReLU was fused into it
        self.dw: Array | None = None
        self.db: Array | None = None

    def forward(self, x: Any, relu: bool = False) -> Array:
        """Return the images' convolution (N, out_channels, H', W').

        Args:
            x: (N, in_channels, H, W).
            relu: whether the output is returned where it is positive, else 0.

        Raises:
            TypeError, ValueError: x does not fit.
        """
        settings = {"stride": self.stride, "pad": self.padding}
        post = RELU if relu else NO_POST_OPS
        out, self.cache = conv_forward(x, self.weight, self.bias, settings, post)
        self._positive = out if relu else None
        return out

    def backward(self, dout: Any, need_dx: bool = True, relu: bool = False) -> None:
        """Set dx, dw and db.

        Args:
            dout: gradient of the output.
            need_dx: False leaves dx until it is read.
            relu: whether it is the gradient of what `forward` returned with relu.

        Raises:
            RuntimeError, TypeError, ValueError: there was no forward, or dout does not fit.
        """
        cache, positive = self.taken(), self._positive
        x, w, *rest = cache
        if positive is not None and not relu:
            cache = (x, w, *rest)  # without what backward would do for the ReLU
        dx, self.dw, self.db = conv_backward(dout, cache, need_dx)
        if need_dx:
            self.dx = dx
            return
        kept = (x, np.array(w), *rest)  # an optimizer may move w before dx is read

        def later() -> Array | None:
            dy = dout if not relu or positive is None else relu_backward(dout, positive)
            return conv_backward(dy, kept)[0]

        self.dx = later
