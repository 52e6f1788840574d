"""The course's linear.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import count
from cnnlite.compat.affine import affine_backward, affine_forward
from cnnlite.compat.cs7643.greeting import greeter
from cnnlite.compat.cs7643.modules.module import Module

__all__ = ["Linear", "hello_do_you_copy"]

hello_do_you_copy = greeter("linear.py")


class Linear(Module):
    """y = x @ weight + bias, each example of x made one row.

    Args:
        in_dim, out_dim: numbers of an example, and of its output.

    Attributes:
        weight: (in_dim, out_dim), 1e-3 times the normal numbers that `np.random.seed(1024)` begins
            with, float64.
        bias: (out_dim,), zeros.
        dx, dw, db: the gradients, after `backward`.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.in_dim = count("Linear", "in_dim", in_dim)
        self.out_dim = count("Linear", "out_dim", out_dim)
        np.random.seed(1024)  # noqa: NPY002
        self.weight: Any = 1e-3 * np.random.randn(self.in_dim, self.out_dim)  # noqa: NPY002
        np.random.seed(1024)  # noqa: NPY002
        self.bias: Any = np.zeros(self.out_dim)
        self.dw: Array | None = None
        self.db: Array | None = None

    def forward(self, x: Any) -> Array:
        """Return x @ weight + bias (N, out_dim).

        Raises:
            TypeError, ValueError: x (N, d1, ..., dk) does not fit.
        """
        out, self.cache = affine_forward(x, self.weight, self.bias)
        return out

    def backward(self, dout: Any, need_dx: bool = True) -> None:
        """Set dx, dw and db.

        Args:
            dout: gradient of the output.
            need_dx: False leaves dx until it is read.

        Raises:
            RuntimeError, TypeError, ValueError: there was no forward, or dout does not fit.
        """
        x, w, b = self.taken()
        dx, self.dw, self.db = affine_backward(dout, (x, w, b), need_dx)
        kept = w if need_dx else np.array(w)  # an optimizer may move w meanwhile
        self.dx = dx if need_dx else lambda: affine_backward(dout, (x, kept, b))[0]
