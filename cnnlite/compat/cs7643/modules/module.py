"""What the course's modules share: a cache and a gradient, which may wait until they are read."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array

__all__ = ["Learning", "Module", "Waiting"]


class Waiting:
    """An attribute that may be set to a function, and then is what that returns when first read."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._place = f"_{name}"

    def __get__(self, module: Any, owner: type | None = None) -> Any:
        if module is None:
            return self
        value = getattr(module, self._place)
        if callable(value):
            value = value()
            setattr(module, self._place, value)
        return value

    def __set__(self, module: Any, value: Any) -> None:
        setattr(module, self._place, value)


class Module:
    """A layer with state.

    Attributes:
        cache: what the last forward pass left for backward; None before it.
        dx: the gradient of the input, after `backward`.
    """

    cache = Waiting()
    dx = Waiting()

    def __init__(self) -> None:
        self.cache = None
        self.dx = None

    def taken(self) -> Any:
        """Return the cache of the last forward pass.

        Raises:
            RuntimeError: there was none.
        """
        cache = self.cache
        if cache is None:
            raise RuntimeError(f"{type(self).__name__}: backward needs a forward before it")
        return cache


class Learning(Module):
    """A module with weights.

    Attributes:
        weight, bias: its parameters.
        dw, db: their gradients, after `backward`.
    """

    weight: Any
    bias: Any

    def __init__(self) -> None:
        super().__init__()
        self.dw: Array | None = None
        self.db: Array | None = None

    @staticmethod
    def gradients(
        dout: Any, cache: tuple[Any, ...], need_dx: bool = True
    ) -> tuple[Array | None, Array, Array]:
        """Return dx, if it is needed, dw and db; the cache begins with x and the weights."""
        raise NotImplementedError

    def backward(self, dout: Any, need_dx: bool = True) -> None:
        """Set dx, dw and db.

        Args:
            dout: gradient of the output.
            need_dx: False leaves dx until it is read.

        Raises:
            RuntimeError, TypeError, ValueError: there was no forward, or dout does not fit.
        """
        cache, gradients = self.taken(), self.gradients
        dx, self.dw, self.db = gradients(dout, cache, need_dx)
        x, w, *rest = cache
        kept = (x, w if need_dx else np.array(w), *rest)  # an optimizer may move w meanwhile
        self.dx = dx if need_dx else lambda: gradients(dout, kept)[0]
