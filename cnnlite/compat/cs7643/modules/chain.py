"""A convolution, the ReLU behind it and a 2x2 pooling behind that, in one pass over memory.

The modules end in the state in which they would be one by one.  What nobody needs for training is
computed when it is read: the caches of the ReLU and of the pooling, their dx, and the dx of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.compat.cs231n.pointwise import relu_backward, relu_forward
from cnnlite.compat.cs231n.windows import (
    conv_backward,
    conv_forward,
    max_pool_backward,
    max_pool_forward,
)
from cnnlite.compat.cs7643.modules.convolution import Conv2D
from cnnlite.compat.cs7643.modules.max_pool import MaxPooling
from cnnlite.compat.cs7643.modules.relu import ReLU
from cnnlite.post_ops import RELU

__all__ = ["Chain", "cut"]


class Chain:
    """Modules that run together.

    Args:
        conv, relu: the first two.
        pool: the third, with windows of 2x2 side by side, or None.
    """

    def __init__(self, conv: Conv2D, relu: ReLU, pool: MaxPooling | None = None) -> None:
        self.conv, self.relu, self.pool = conv, relu, pool

    def forward(self, x: Any) -> Array:
        """Return the output of the last module; errors are those of `Conv2D.forward`."""
        conv, pool = self.conv, self.pool
        post = RELU if pool is None else RELU.then("pool")
        out, self._native = conv_forward(x, conv.weight, conv.bias, conv.settings, post)
        # Copied, as an optimizer may move them before somebody reads what waits.
        given = (x, np.array(conv.weight), np.array(conv.bias), conv.settings)

        @cache
        def before() -> Array:
            return conv_forward(*given)[0]

        @cache
        def pooling() -> Any:
            assert pool is not None
            return max_pool_forward(relu_forward(before())[0], pool.settings)[1]

        self._given, self._before, self._pooling = given, before, pooling
        conv.cache, self.relu.cache = given, before
        if pool is not None:
            pool.cache = pooling
        return out

    def backward(self, dout: Array, need_dx: bool) -> None:
        """Set dw and db of the convolution, and dx of all, of the convolution now if `need_dx`."""
        given, before, pooling, pool = self._given, self._before, self._pooling, self.pool
        dx, self.conv.dw, self.conv.db = conv_backward(dout, self._native, need_dx)

        @cache
        def unpooled() -> Array:
            return dout if pool is None else max_pool_backward(dout, pooling())

        @cache
        def stopped() -> Array:
            return relu_backward(unpooled(), before())

        if pool is not None:
            pool.dx = unpooled
        self.relu.dx = stopped
        self.conv.dx = dx if need_dx else lambda: conv_backward(stopped(), given)[0]


def cut(modules: Sequence[Any]) -> list[Any]:
    """Return the modules in order, those that can run together as chains.

    Only exact types count: a class derived from one of ours runs as it was written.
    """
    steps: list[Any] = []
    for module in modules:
        last = steps[-1] if steps else None
        if type(module) is ReLU and type(last) is Conv2D:
            steps[-1] = Chain(last, module)
        elif type(module) is MaxPooling and type(last) is Chain and last.pool is None:
            halves = (module.kernel_size, module.stride) == (2, 2)
            steps[-1:] = [Chain(last.conv, last.relu, module)] if halves else [last, module]
        else:
            steps.append(module)
    return steps
