"""The course's max_pool.py."""

from __future__ import annotations

from typing import Any

from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import count
from cnnlite.compat.cs231n.windows import max_pool_backward, max_pool_forward
from cnnlite.compat.cs7643.greeting import greeter
from cnnlite.compat.cs7643.modules.module import Module

__all__ = ["MaxPooling", "hello_do_you_copy"]

hello_do_you_copy = greeter("max_pool.py")


class MaxPooling(Module):
    """The maximum of every square window.

    Args:
        kernel_size, stride: in pixels.

    Attributes:
        dx: the gradient of the input, after `backward`.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.kernel_size = count("MaxPooling", "kernel_size", kernel_size)
        self.stride = count("MaxPooling", "stride", stride)

    @property
    def settings(self) -> dict[str, int]:
        """The window and the stride, as the pooling takes them."""
        side = self.kernel_size
        return {"pool_height": side, "pool_width": side, "stride": self.stride}

    def forward(self, x: Any) -> Array:
        """Return the maxima (N, C, H', W').

        Raises:
            TypeError, ValueError: x (N, C, H, W) does not fit.
        """
        out, self.cache = max_pool_forward(x, self.settings)
        return out

    def backward(self, dout: Any) -> None:
        """Set dx from the gradient of the output.

        Raises:
            RuntimeError, TypeError, ValueError: there was no forward, or dout does not fit.
        """
        self.dx = max_pool_backward(dout, self.taken())
