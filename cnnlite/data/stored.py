"""Arrays that are kept elsewhere, as in an HDF5 file, and read when a batch needs them."""

from __future__ import annotations

import operator
import threading
from typing import Any, NamedTuple

import numpy as np

from cnnlite.data.errors import DataError
from cnnlite.data.mapped import reading

__all__ = ["Held", "Part", "StoredArray", "stored", "whole"]


class Held(NamedTuple):
    """Images that were read before they are asked for."""

    places: np.ndarray  # their numbers, increasing (M,)
    images: np.ndarray  # (M, ...)

    def get(self, wanted: np.ndarray) -> np.ndarray | None:
        """Return the images of these numbers, None if one is not there."""
        found = np.searchsorted(self.places, wanted)
        if not len(wanted) or found.max() >= len(self.places):
            return None
        return self.images[found] if np.array_equal(self.places[found], wanted) else None


class StoredArray:
    """What has `shape`, `dtype` and `[index]`, read as NumPy's arrays are.

    `source[index]` is only ever asked for an increasing array of integers, without repetitions:
    all that h5py takes, and by one thread at a time. A batch is put into its own order afterwards.
    Of zarr's arrays, `source.oindex[index]` is asked for.

    Attributes:
        held: images that are taken from here, instead of being read; see `cnnlite.data.ahead`.
        chunked: whether images lie in chunks that can only be read as a whole.

    Args:
        source: what is read.
        label: what messages call it.

    Raises:
        TypeError, ValueError: it is no such thing, or gives something else for its first and last
            image than its shape and dtype say.
    """

    def __init__(self, source: Any, label: str) -> None:
        self._source, self._label = source, label
        self.shape: tuple[int, ...] = tuple(map(operator.index, source.shape))
        self.dtype: np.dtype[Any] = source.dtype
        self.held: Held | None = None
        self.chunked = bool(getattr(source, "chunks", None)) or getattr(source, "chunked", False)
        self._lock = threading.Lock()
        if len(self):
            self[np.unique([0, len(self) - 1])]

    def __reduce__(self) -> tuple[Any, ...]:
        return StoredArray, (self._source, self._label)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 0

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return images: one by its number, several by a slice or integers (N,); or parts of it."""
        if isinstance(index, tuple):
            first, *rest = index
            part: np.ndarray = self[first][tuple(rest)]
            return part
        if isinstance(index, slice):
            wanted = np.arange(*index.indices(len(self)))
        elif np.ndim(index):
            wanted = np.asarray(index)
        else:
            one: np.ndarray = self.read(np.array([range(len(self))[index]]))[0]
            return one
        ready = self.held.get(wanted) if self.held else None
        if ready is not None:
            return ready
        places, order = np.unique(wanted, return_inverse=True)
        found = self.read(places)
        return found if np.array_equal(places, wanted) else found[order]

    def read(self, places: np.ndarray) -> np.ndarray:
        """Read the images of increasing numbers (M,) from where they are kept."""
        expected = (len(places), *self.shape[1:])
        if not len(places):
            return np.empty(expected, self.dtype)
        try:
            with self._lock:
                found = np.asarray(getattr(self._source, "oindex", self._source)[places])
        except DataError:  # says already what is wrong with which file
            raise
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise TypeError(
                f"{self._label} cannot be indexed with an increasing array of integers: "
                f"{type(error).__name__}: {error}"
            ) from error
        if found.shape != expected or found.dtype != self.dtype:
            raise ValueError(
                f"{self._label} gives {found.dtype} {found.shape} for {len(places)} indices, "
                f"expected {self.dtype} {expected}, as its dtype and shape say"
            )
        return found


class Part:
    """Some of the images of an array, without a copy: a source for `StoredArray`.

    Args:
        array: an array, or a `StoredArray`.
        numbers: of the images, increasing integers (M,).
    """

    def __init__(self, array: Any, numbers: np.ndarray) -> None:
        self._array, self._numbers = array, numbers
        self.shape = (len(numbers), *array.shape[1:])
        self.dtype: np.dtype[Any] = array.dtype
        self.chunked = isinstance(array, StoredArray) and array.chunked

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        reading(self._array, len(index), scattered=True)
        part: np.ndarray = self._array[self._numbers[index]]
        return part


def stored(name: str, argument: str, value: Any) -> Any:
    """Return a NumPy array as it is, and what is like one as a `StoredArray`.

    Args:
        name, argument: what the messages begin with.
        value: an array, or what has `shape`, `dtype` and `[index]`.

    Raises:
        TypeError, ValueError: it is neither; see `StoredArray`.
    """
    if isinstance(value, np.ndarray | StoredArray):
        return value
    kind = type(value).__name__
    if not all(hasattr(value, need) for need in ("shape", "dtype", "__getitem__")):
        raise TypeError(f"{name}: {argument} must be an array, got {kind}")
    if not isinstance(value.dtype, np.dtype):
        raise TypeError(
            f"{name}: {argument} must be an array, got {kind} of {value.dtype}, which is no dtype "
            f"of NumPy's; np.asarray({argument}) may make an array of it"
        )
    return StoredArray(value, f"{name}: {argument} ({kind})")


def whole(name: str, argument: str, value: Any) -> np.ndarray:
    """Return all of an array in memory, wherever it is kept; arguments as in `stored`."""
    found = stored(name, argument, value)
    if isinstance(found, np.ndarray):
        return found
    array: np.ndarray = np.asarray(value) if hasattr(value, "__array__") else found[:]
    return array
