"""What the course's modules share: a cache and a gradient, which may wait until they are read."""

from __future__ import annotations

from typing import Any

__all__ = ["Module", "Waiting"]


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
