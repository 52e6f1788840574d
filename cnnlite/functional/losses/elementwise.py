"""Losses of each score by itself: what they share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array, check_floats
from cnnlite.checks.labels import check_sample_weight
from cnnlite.functional.losses._reduction import (
    Value,
    along_examples,
    example_factors,
    reduce_losses,
)


class ElementwiseLossCache(NamedTuple):
    """What the backward pass of a loss of each score by itself needs."""

    slope: Array  # d loss / d score, like the scores, weighted
    divisor: float | None


def check_pair(name: str, scores: Array, targets: Array) -> None:
    """Raise unless scores and targets are floats of one shape and dtype."""
    check_floats(name, scores=scores, targets=targets)
    if scores.shape != targets.shape:
        raise ValueError(
            f"{name}: targets have shape {targets.shape}, but scores have {scores.shape}"
        )


def element_losses(
    name: str,
    losses: Array,
    slope: Array,
    reduction: str,
    sample_weight: npt.ArrayLike | None,
    count: float | None = None,
) -> tuple[Value, ElementwiseLossCache]:
    """Return the loss as asked for, and the cache.

    Args:
        name: the loss, for the message.
        losses: of each score.
        slope: their derivatives.
        reduction: "mean", "sum" or "none".
        sample_weight: (N,) factors of the samples, or None.
        count: what the mean divides by where no sample has a weight; None: by the scores' number.
    """
    divisor: float = losses.size if count is None else count
    weight = check_sample_weight(name, sample_weight, losses)
    if weight is not None:
        factor = along_examples(weight, losses.ndim, losses.dtype)
        losses, slope = losses * factor, slope * factor
        divisor = float(weight.sum()) * (divisor / max(1, len(weight)))
    value, divisor_or_none = reduce_losses(losses, divisor, reduction)
    return value, ElementwiseLossCache(slope, divisor_or_none)


def element_gradient(name: str, cache: ElementwiseLossCache, dvalue: float | Array) -> Array:
    """Return dscores = slope * dvalue, divided as the loss was."""
    slope = cache.slope
    # Of a single number NumPy makes a scalar: asarray.
    factors = example_factors(name, dvalue, None, slope.shape, slope.dtype)
    dscores: Array = np.asarray(slope * factors)
    if cache.divisor is not None:
        np.divide(dscores, cache.divisor, out=dscores)
    return dscores
