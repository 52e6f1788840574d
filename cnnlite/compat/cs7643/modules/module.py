"""What the course's modules share: the cache, and a gradient of the input that may wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnlite.checks.arrays import Array

__all__ = ["Module"]


class Module:
    """A layer with state.

    Attributes:
        cache: what the last forward pass left for backward.
    """

    def __init__(self) -> None:
        self.cache: Any = None
        self._dx: Array | Callable[[], Array | None] | None = None

    @property
    def dx(self) -> Array | None:
        """The gradient of the input, after `backward`.

        It may be set to a function: then it is computed when it is first read.  Nobody reads that
        of a network's images.
        """
        if callable(self._dx):
            self._dx = self._dx()
        return self._dx

    @dx.setter
    def dx(self, dx: Array | Callable[[], Array | None] | None) -> None:
        self._dx = dx

    def taken(self) -> Any:
        """Return the cache of the last forward pass.

        Raises:
            RuntimeError: there was none.
        """
        if self.cache is None:
            raise RuntimeError(f"{type(self).__name__}: backward needs a forward before it")
        return self.cache
