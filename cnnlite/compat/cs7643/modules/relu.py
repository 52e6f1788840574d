"""The course's relu.py."""

from __future__ import annotations

from typing import Any

from cnnlite.checks.arrays import Array
from cnnlite.compat.cs231n.pointwise import relu_backward, relu_forward
from cnnlite.compat.cs7643.greeting import greeter
from cnnlite.compat.cs7643.modules.module import Module

__all__ = ["ReLU", "hello_do_you_copy"]

hello_do_you_copy = greeter("relu.py")


class ReLU(Module):
    """max(x, 0); dx, the gradient of the input, is there after `backward`."""

    def forward(self, x: Any) -> Array:
        """Return max(x, 0) like x.

        Raises:
            TypeError: x is not made of real numbers.
        """
        out, self.cache = relu_forward(x)
        return out

    def backward(self, dout: Any) -> None:
        """Set dx from the gradient of the output.

        Raises:
            RuntimeError, TypeError, ValueError: there was no forward, or dout does not fit.
        """
        self.dx = relu_backward(dout, self.taken())
