"""How examples' losses become one, and what that does to the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array
from cnnlite.checks.labels import check_dvalue

Value = float | Array


def reduce_losses(losses: Array, count: float, reduction: str) -> tuple[Value, float | None]:
    """Return the loss as asked for, and what the gradient must be divided by."""
    if reduction == "none":
        return losses, None
    total = losses.sum(dtype=np.float64)
    divisor = float(count) if reduction == "mean" else 1.0
    return float(total / np.float64(divisor)), divisor


def example_factors(
    name: str,
    dvalue: float | Array,
    divisor: float | None,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> Array:
    """Return what each loss's gradient is multiplied with, of that shape or a single number."""
    factor = check_dvalue(name, dvalue, shape)
    if divisor is not None:
        factor = factor / divisor
    return factor.astype(dtype)


def along_examples(
    weight: npt.NDArray[np.float64], ndim: int, dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Return the examples' weights (N,) as (N, 1, ...), which multiplies what has more axes."""
    return weight.astype(dtype).reshape(-1, *[1] * (ndim - 1))
