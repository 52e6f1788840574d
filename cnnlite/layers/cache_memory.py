"""The memory that caches hold on to."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["arrays_in", "block_of", "new_bytes"]


def new_bytes(cache: Any, counted: set[int]) -> int:
    """Return the bytes of the memory blocks in a cache that are not counted yet.

    Args:
        cache: anything that refers to arrays.
        counted: the identities of the owners of such blocks, to which the new ones are added.  They
            must live on: what is freed could come back as something else.
    """
    total = 0
    for array in arrays_in(cache):
        owner, size = block_of(array)
        if id(owner) not in counted:
            counted.add(id(owner))
            total += size
    return total


def arrays_in(cache: Any) -> Iterator[np.ndarray]:
    """Yield all arrays that can be reached from a cache."""
    return _arrays(cache, set())


def _arrays(cache: Any, visited: set[int]) -> Iterator[np.ndarray]:
    if id(cache) in visited:
        return
    visited.add(id(cache))
    if isinstance(cache, np.ndarray):
        yield cache
    elif isinstance(cache, Mapping):
        for value in cache.values():
            yield from _arrays(value, visited)
    elif isinstance(cache, list | tuple | set | frozenset):
        for value in cache:
            yield from _arrays(value, visited)
    elif hasattr(cache, "__dict__") and not isinstance(cache, type | ModuleType):
        yield from _arrays(vars(cache), visited)


def block_of(array: np.ndarray) -> tuple[object, int]:
    """Return the owner of the memory that an array is a view of, and its size in bytes."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    owner = array if array.base is None else array.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    return owner, array.nbytes
