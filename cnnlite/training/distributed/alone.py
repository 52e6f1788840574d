"""What a training asks of the processes that it runs on: one process, which has all shards."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from cnnlite.training.distributed.flat import Bucket

__all__ = ["Alone"]


class Alone:
    """A training on one process.  `Ranks` does the same on several.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are.
        trained: whether a training has ended whose last files the first rank may still write.
    """

    rank, size, trained = 0, 1, False

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return not self.rank

    def own(self, count: int) -> range:
        """Return which of so many shards are this process's: neighbours."""
        each = count // self.size
        return range(self.rank * each, (self.rank + 1) * each)

    def texts(self, text: str) -> list[str]:
        """Return what each rank has given here, by rank; every rank calls it at the same place."""
        return [text]

    def rows(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return the float64 rows (any, columns) of each rank, as `texts`."""
        return [rows]

    def begin(self, bucket: Bucket, shards: int) -> None:
        """Let a bucket's sums travel, which this process has of its own shards."""

    def progress(self) -> None:
        """Do what can be done without waiting for sums that travel."""

    def sums(self, bucket: Bucket) -> np.ndarray:
        """Return a bucket's sums over all shards; waits for them."""
        ((_, flat),) = bucket.sums.nodes
        return flat

    def one_warning(self) -> AbstractContextManager[Any]:
        """Return a context in which only the first rank warns."""
        return nullcontext() if self.first else warnings.catch_warnings(action="ignore")

    def failing_together(self) -> AbstractContextManager[Any]:
        """Return a context whose exceptions end all ranks where this one is alone with them."""
        return nullcontext()

    def only_first(self, function: Callable[[], Any], error: type[Exception]) -> None:
        """Call a function on the first rank; what it raises is raised on all, as this class."""
        function()
