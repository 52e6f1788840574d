"""What is cheap to compute again need not be kept: outputs of batch-norm and of activations.

The word is recomputation, or checkpointing (Chen et al., "Training deep nets with sublinear memory
cost", 2016).  While a `Sequential` with `recompute=True` runs forward, each array that a layer can
make again from what is kept anyway has a recipe, and caches hold the recipe in the array's place.
Backward computes the array when it first needs it.  The same kernel makes it from the same numbers,
so the bits are the same.
"""

from __future__ import annotations

import operator
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Again", "Recipe", "Recipes", "filled", "recording", "recipes"]


DEEPEST = 2
"""Recipes that may depend on each other, from one residual block to the next: all arrays of such a
chain are there at once when the last one is needed, so an array is kept now and then."""


class Again:
    """An array that is not kept: it is computed when it is first asked for.

    Args:
        function: returns the array.
        inputs: what it takes; others of this kind may stand in their tuples.

    Attributes:
        depth: how many of this kind depend on each other here, itself included.
    """

    __slots__ = ("_array", "_function", "_inputs", "depth")
    __hash__ = None  # type: ignore[assignment]  # as arrays have none: see _changed

    def __init__(self, function: Callable[..., np.ndarray], *inputs: Any) -> None:
        self._function, self._inputs = function, inputs
        self._array: np.ndarray | None = None
        self.depth: int = 1 + _depth(inputs)

    @property
    def array(self) -> np.ndarray:
        """The array, which lives as long as this object from then on."""
        if self._array is None:
            self._array = self._function(*map(filled, self._inputs))
            self._inputs = ()
        return self._array

    def __repr__(self) -> str:
        return "computed again in backward"


CHANGEABLE = (np.ndarray, Again, tuple)


class Recipe(NamedTuple):
    """How an array can be computed again.

    Attributes:
        array: it.
        function: returns it, from what is kept and the addend.
        kept: what a cache keeps anyway.
        addend: an array that is added, or None.
    """

    array: np.ndarray
    function: Callable[..., np.ndarray]
    kept: Any
    addend: np.ndarray | None = None


class Recipes:
    """The arrays of a forward pass that can be computed again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[np.ndarray], Again]] = {}

    def slimmed(self, cache: Any, found: Iterable[Recipe]) -> Any:
        """Return a layer's cache with recipes in the place of arrays.

        Args:
            cache: what forward returned.
            found: the recipes that the layer adds; one may take the array of the one before.
        """
        for array, function, kept, addend in found:
            added = self._slim(addend)
            if isinstance(added, Again) and added.depth >= DEEPEST:
                continue
            again = Again(function, self._slim(kept), added)
            self._known[id(array)] = weakref.ref(array), again
        return self._slim(cache)

    def _slim(self, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return _changed(value, self._slim)
        known = self._known.get(id(value))
        return value if known is None or known[0]() is not value else known[1]


def filled(value: Any) -> Any:
    """Return a cache with the arrays in the place of their recipes, computed where need be."""
    return value.array if isinstance(value, Again) else _changed(value, filled)


def _depth(value: Any) -> int:
    """Return how many recipes in a row a value depends on."""
    if isinstance(value, Again):
        return value.depth
    return max(map(_depth, value), default=0) if isinstance(value, tuple) else 0


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a tuple or NamedTuple with its entries changed; anything else, lists too, as it is.

    A list is the cache of a `Sequential`, which looks after its own entries.
    """
    if not isinstance(value, tuple) or _has_hash(value):
        return value
    make = tuple if type(value) is tuple else getattr(value, "_make", None)
    if make is None:
        return value
    parts = [change(part) if isinstance(part, CHANGEABLE) else part for part in value]
    return value if all(map(operator.is_, parts, value)) else make(parts)


def _has_hash(value: tuple[Any, ...]) -> bool:
    """Return whether a tuple has a hash, as sizes and settings do: it holds nothing to change."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


class _Recording(threading.local):
    recipes: Recipes | None = None


_recording = _Recording()


def recipes() -> Recipes | None:
    """Return the recipes of the forward pass that runs in this thread; None: it keeps all."""
    return _recording.recipes


@contextmanager
def recording() -> Iterator[None]:
    """Let the networks that run forward in the block, in this thread, note recipes."""
    _recording.recipes = Recipes()
    try:
        yield
    finally:
        _recording.recipes = None
