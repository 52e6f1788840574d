"""What losses share: how examples' losses become one, and what that does to the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.checks.labels import check_dvalue

Value = float | Array


def reduce_losses(losses: Array, count: float, reduction: str) -> tuple[Value, float | None]:
    """The loss as asked for, and what the gradient must be divided by."""
    if reduction == "none":
        return losses, None
    total = losses.sum(dtype=np.float64)
    divisor = float(count) if reduction == "mean" else 1.0
    return float(total / np.float64(divisor)), divisor


def example_factors(
    name: str, dvalue: float | Array, divisor: float | None, n: int, dtype: np.dtype[Any]
) -> Array:
    """What each example's gradient is multiplied with, (1, 1) or (N, 1)."""
    factor = check_dvalue(name, dvalue, (n,))
    if divisor is not None:
        factor = factor / divisor
    return factor.astype(dtype).reshape(-1, 1)
