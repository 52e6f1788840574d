"""The gradient of a convolution's bias, for the rungs that are written in NumPy."""

from __future__ import annotations

from cnnlite.checks.arrays import Array


def sum_per_filter(dy: Array) -> Array:
    """Return dbias (F,): rows first, which NumPy sums pairwise, so that float32 stays accurate."""
    n, f, rows, columns = dy.shape
    total: Array = dy.reshape(n, f, rows * columns).sum(axis=2).sum(axis=0)
    return total
