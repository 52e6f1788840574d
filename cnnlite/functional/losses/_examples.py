"""Scores of classes as rows: what losses that have a class for each example share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array
from cnnlite.checks.labels import (
    Targets,
    check_reduction,
    check_sample_weight,
    check_scores,
    check_targets,
)
from cnnlite.checks.numbers import integer
from cnnlite.functional.losses._reduction import example_factors


class Examples(NamedTuple):
    """Scores (N, C, d1, ...) as rows, one for each example: M = N * d1 * ..."""

    scores: Array  # (M, C); zeros where the example is ignored
    labels: Targets  # (M,) classes; 0 where the example is ignored
    factors: Array  # (M,) weights of the samples; 0 where the example is ignored
    shape: tuple[int, ...]  # of the scores as they came


def as_rows(x: Array) -> Array:
    """Return (N, C, d1, ...) as (N * d1 * ..., C)."""
    return x if x.ndim == 2 else np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def as_scores(rows: Array, shape: tuple[int, ...]) -> Array:
    """Undo `as_rows`."""
    if len(shape) == 2:
        return rows
    n, classes, *places = shape
    return np.ascontiguousarray(np.moveaxis(rows.reshape(n, *places, classes), -1, 1))


def as_losses(losses: Array, shape: tuple[int, ...]) -> Array:
    """Return the examples' losses (M,) as (N, d1, ...)."""
    return losses.reshape(shape[:1] + shape[2:])


def row_factors(name: str, scores: Array, sample_weight: npt.ArrayLike | None) -> Array:
    """Return the weights of the rows (M,) that the weights of the samples (N,) make."""
    each = scores[:, 0].size // max(1, len(scores))
    weight = check_sample_weight(name, sample_weight, scores)
    if weight is None:
        return np.ones(len(scores) * each, scores.dtype)
    return np.repeat(weight.astype(scores.dtype), each)


def examples(
    name: str,
    scores: Array,
    targets: npt.ArrayLike,
    weight: Array | None,
    sample_weight: npt.ArrayLike | None,
    ignore_index: int,
    reduction: str,
) -> Examples:
    """Check what a loss is called with, and return it as rows.

    What an ignored example has for scores, NaN perhaps, makes no difference: they are set to 0.
    """
    check_scores(name, scores, weight)
    ignore_index = integer(name, "ignore_index", ignore_index)
    labels = check_targets(name, targets, scores, ignore_index).reshape(-1)
    check_reduction(name, reduction)
    factors, rows = row_factors(name, scores, sample_weight), as_rows(scores)
    ignored = labels == ignore_index
    if ignored.any():
        rows = np.where(ignored[:, None], np.zeros((), scores.dtype), rows)
        labels[ignored] = factors[ignored] = 0
    return Examples(rows, labels, factors, scores.shape)


def row_gradient(
    name: str,
    drows: Array,
    factors: Array,
    dvalue: float | Array,
    divisor: float | None,
    shape: tuple[int, ...],
) -> Array:
    """Return the gradient of the scores: that of the rows, times all that multiplies it.

    Args:
        name: the loss, for the message.
        drows: (M, C), what one example's loss slopes like; overwritten.
        factors: (M,) weights of the examples.
        dvalue: gradient with respect to the loss, a number or (N, d1, ...).
        divisor: what the sum of the losses was divided by, or None.
        shape: of the scores.
    """
    drows *= row_slopes(name, factors, dvalue, divisor, shape)[:, None]
    return as_scores(drows, shape)


def row_slopes(
    name: str,
    factors: Array,
    dvalue: float | Array,
    divisor: float | None,
    shape: tuple[int, ...],
) -> Array:
    """Return (M,) gradients with respect to each example's loss; Args as in `row_gradient`.

    An example that does not count has 0, also where dvalue is infinite.
    """
    given = example_factors(name, dvalue, divisor, shape[:1] + shape[2:], factors.dtype)
    return np.where(factors == 0, factors, given.reshape(-1) * factors)
