"""Arrays that are summed over the shards of a batch, many of them in one flat array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cnnlite.tree_sums import Node, Sums

__all__ = ["Bucket", "Buckets"]

MOST_BYTES = 2**20
"""Of a bucket: small enough that the first ones travel early, and stay in a processor's cache."""


class Slot(NamedTuple):
    """Where an array lies in a bucket."""

    shape: tuple[int, ...]
    start: int
    stop: int


class Bucket:
    """The flat sums of some arrays.

    After the arrays come as many numbers as there are arrays: how many shards have given each.

    Args:
        forms: the shapes of the arrays by key.
        dtype: of all of them.
        number: by which the ranks tell the buckets of a batch.
    """

    def __init__(
        self, forms: Mapping[str, tuple[int, ...]], dtype: np.dtype, number: int = 0
    ) -> None:
        self.number = number
        self.slots: dict[str, Slot] = {}
        self.missing: set[str] = set()  # of what the shard that runs has to give
        start = 0
        for key, shape in forms.items():
            stop = start + int(np.prod(shape, dtype=np.int64))
            self.slots[key] = Slot(shape, start, stop)
            start = stop
        self.size, self.dtype = start + len(forms), dtype
        self._counts = start  # where the counts begin
        self._spare: list[np.ndarray] = []

    def begin(self, shards: int) -> None:
        """Begin the sums of a batch that is cut into so many shards."""
        self.sums: Sums[np.ndarray] = Sums(shards, self.add)

    def begin_shard(self) -> None:
        """Begin with the arrays of another shard."""
        self._now = self.new()
        self.missing = set(self.slots)

    def put(self, key: str, array: np.ndarray) -> None:
        """Take in an array of the shard that runs.

        Raises:
            ValueError: it has another shape.
        """
        shape, start, stop = self.slots[key]
        if array.shape != shape:
            raise ValueError(f"Solver: the gradient of {key} is {array.shape}, expected {shape}")
        self._now[start:stop].reshape(shape)[...] = array
        self.missing.discard(key)

    def end_shard(self, shard: int) -> None:
        """Add what this shard has given; what it has not given counts as 0."""
        self._now[self._counts :] = 1
        for place, key in enumerate(self.slots):
            if key in self.missing:
                slot = self.slots[key]
                self._now[slot.start : slot.stop] = self._now[self._counts + place] = 0
        self.sums.push(Node(0, shard), self._now)

    def end(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Return the sums by key, as views, of what at least one shard has given."""
        counts = flat[self._counts :]
        return {
            key: flat[start:stop].reshape(shape)
            for (key, (shape, start, stop)), count in zip(self.slots.items(), counts, strict=True)
            if count
        }

    def add(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Add flat arrays into the left one; the right one is used again."""
        left += right
        self.give_back(right)
        return left

    def new(self) -> np.ndarray:
        """Return a flat array that nobody uses, with any numbers in it."""
        return self._spare.pop() if self._spare else np.empty(self.size, self.dtype)

    def give_back(self, flat: np.ndarray) -> None:
        """Use this array again."""
        self._spare.append(flat)


class Buckets:
    """The sums of a network's arrays, in buckets from number 1 that fill up one after the other.

    Args:
        arrays: the arrays by key, those first that are ready first.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.all: list[Bucket] = []
        forms: dict[str, tuple[int, ...]] = {}
        size, dtype = 0, np.dtype(np.float32)
        for key, array in arrays.items():
            if forms and (size + array.nbytes > MOST_BYTES or array.dtype != dtype):
                self.all.append(Bucket(forms, dtype, len(self.all) + 1))
                forms, size = {}, 0
            forms[key], size, dtype = array.shape, size + array.nbytes, array.dtype
        if forms:
            self.all.append(Bucket(forms, dtype, len(self.all) + 1))
        self.of = {key: bucket for bucket in self.all for key in bucket.slots}

    def begin(self, shards: int) -> None:
        """Begin the sums of a batch."""
        for bucket in self.all:
            bucket.begin(shards)
