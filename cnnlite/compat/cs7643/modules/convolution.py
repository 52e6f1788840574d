"""The course's convolution.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import count, integer
from cnnlite.compat.cs231n.windows import conv_backward, conv_forward
from cnnlite.compat.cs7643.greeting import greeter
from cnnlite.compat.cs7643.modules.module import Learning

__all__ = ["Conv2D", "hello_do_you_copy"]

hello_do_you_copy = greeter("convolution.py")


class Conv2D(Learning):
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

    gradients = staticmethod(conv_backward)

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
        self.weight = 1e-3 * np.random.randn(*shape)  # noqa: NPY002
        self.bias = np.zeros(self.out_channels)

    @property
    def settings(self) -> dict[str, int]:
        """The stride and the padding, as the convolution takes them."""
        return {"stride": self.stride, "pad": self.padding}

    def forward(self, x: Any) -> Array:
        """Return the images' convolution (N, out_channels, H', W').

        Raises:
            TypeError, ValueError: x (N, in_channels, H, W) does not fit.
        """
        out, self.cache = conv_forward(x, self.weight, self.bias, self.settings)
        return out
