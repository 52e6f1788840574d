"""The course's linear.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import count
from cnnlite.compat.affine import affine_backward, affine_forward
from cnnlite.compat.cs7643.greeting import greeter
from cnnlite.compat.cs7643.modules.module import Learning

__all__ = ["Linear", "hello_do_you_copy"]

hello_do_you_copy = greeter("linear.py")


class Linear(Learning):
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

    gradients = staticmethod(affine_backward)

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.in_dim = count("Linear", "in_dim", in_dim)
        self.out_dim = count("Linear", "out_dim", out_dim)
        np.random.seed(1024)  # noqa: NPY002
        self.weight = 1e-3 * np.random.randn(self.in_dim, self.out_dim)  # noqa: NPY002
        np.random.seed(1024)  # noqa: NPY002 - again, as a seeded run depends on the stream
        self.bias = np.zeros(self.out_dim)

    def forward(self, x: Any) -> Array:
        """Return x @ weight + bias (N, out_dim).

        Raises:
            TypeError, ValueError: x (N, d1, ..., dk) does not fit.
        """
        out, self.cache = affine_forward(x, self.weight, self.bias)
        return out
