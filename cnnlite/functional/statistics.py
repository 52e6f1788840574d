"""Means and deviations in float32 that keep their digits and do not overflow on the way.

Sums run in float64.  A mean is taken off in two steps: rounded to float32 it may be off by more
than the deviation (1e5 + 0.1 is), so what is left has a mean of its own, which is taken off too.
Equal numbers leave exactly 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.backend import empty
from cnnlite.checks.arrays import Array

# As in the engine (engine.h): so many numbers are added in float32, one to the other.
LONGEST_SUM = 512
_BLOCK = 2**16  # numbers that are converted to float64 at a time: they stay in the cache
_TINY, _HUGE = 1e-280, np.finfo(np.float64).max  # squares beyond them have underflowed, overflowed


def take_mean_off(rows: Array, out: Array) -> tuple[Array, Array]:
    """Write rows minus their mean to `out`, which may be rows.

    Args:
        rows: (R, L).
        out: like rows.

    Returns:
        what was subtracted first, and then, (R, 1) each and of the rows' dtype.
    """
    mean = _row_means(rows).astype(rows.dtype)
    np.subtract(rows, mean, out=out)
    rest = _row_means(out).astype(rows.dtype)
    out -= rest
    return mean, rest


def mean_products(a: Array, b: Array) -> npt.NDArray[np.float64]:
    """Return the mean of a * b in each row, (R, 1), multiplied and added in float64."""
    means = np.empty((len(a), 1))
    step = max(1, _BLOCK // max(1, a.shape[1]))
    for first in range(0, len(a), step):
        part = slice(first, first + step)
        products = np.multiply(a[part], b[part], dtype=np.float64)
        means[part] = products.mean(axis=1, keepdims=True)
    return means


def inverse_row_deviation(centred: Array, eps: float) -> Array:
    """Return 1 / sqrt(mean square + eps) of rows without their mean, (R, 1); 0 for 1 / 0."""
    squares = mean_products(centred, centred)
    inverse = _inverse(np.sqrt(squares + eps), centred.dtype)
    for row in np.flatnonzero(~((squares + eps > _TINY) & (squares <= _HUGE))):
        peak = float(np.abs(centred[row]).max())
        if 0 < peak <= _HUGE:
            unit = centred[row : row + 1].astype(np.float64) / peak
            root = np.sqrt(mean_products(unit, unit) + eps / peak / peak)
            inverse[row] = _inverse(root * peak, centred.dtype)[0]
    return inverse


def sum_over(array: Array, axes: int | tuple[int, ...]) -> Array:
    """Return the sum over some axes, added in float64: NumPy adds rows one by one."""
    total: Array = array.sum(axis=axes, dtype=np.float64).astype(array.dtype, copy=False)
    return total


def sum_in_double(
    count: int, kernel: Callable[[Array, Array], None], given: Array, out: Array
) -> None:
    """Call a kernel that adds up to `count` numbers one by one; in float64 where those are many."""
    if count <= LONGEST_SUM or out.dtype == np.float64:
        kernel(given, out)
        return
    exact = empty(out.shape, np.float64)
    kernel(given.astype(np.float64), exact)
    out[...] = exact


def _row_means(rows: Array) -> npt.NDArray[np.float64]:
    means: npt.NDArray[np.float64] = rows.mean(axis=1, keepdims=True, dtype=np.float64)
    return means


def _inverse(deviation: npt.NDArray[np.float64], dtype: np.dtype[Any]) -> Array:
    """Return 1 / deviation, rounded to dtype: 0, not infinity, where that is 1 / 0."""
    inverse = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation != 0)
    return np.minimum(inverse, np.finfo(dtype).max).astype(dtype)
