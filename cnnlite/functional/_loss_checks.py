"""What losses share: checks of scores and targets, and how examples' losses become one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.functional._checks import Array, check_floats, check_shape

Targets = npt.NDArray[np.integer[Any]]
Value = float | Array
REDUCTIONS = ("mean", "sum", "none")
# Infinite scores and an empty batch's mean give NaN, as in PyTorch, without a warning.
quiet = np.errstate(under="ignore", over="ignore", invalid="ignore", divide="ignore")


def check_scores(name: str, scores: Array, weight: Array | None) -> int:
    """Check scores (N, C) and the weight of the classes (C,) or None, and return C."""
    check_floats(name, scores=scores, weight=weight, optional=["weight"])
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ValueError(f"{name}: scores must have shape (N, C), C at least 1, got {scores.shape}")
    classes = int(scores.shape[1])
    check_shape(name, "weight", weight, (classes,))
    return classes


def check_targets(name: str, targets: npt.ArrayLike, scores: Array) -> Targets:
    """Return the targets as indices (N,) of classes, checked, in memory of their own."""
    labels = np.asarray(targets)
    if labels.dtype.kind not in "iu" and labels.size:
        raise TypeError(f"{name}: targets must be integers (class numbers), got {labels.dtype}")
    if labels.shape != scores.shape[:1]:
        raise ValueError(
            f"{name}: targets must have shape {scores.shape[:1]} to fit scores {scores.shape}, "
            f"got {labels.shape}"
        )
    classes = scores.shape[1]
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        raise ValueError(
            f"{name}: targets[{wrong[0]}] is {labels[wrong[0]]}, expected 0 to {classes - 1} "
            f"(scores {scores.shape})"
        )
    # A copy: the caller may reuse the array of labels before backward reads it.
    return labels.astype(np.intp)


def check_reduction(name: str, reduction: str) -> str:
    """Return the reduction; raise ValueError unless it is one of the three."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{name}: reduction must be one of {REDUCTIONS}, got {reduction!r}")
    return reduction


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
    factor = np.asarray(dvalue, np.float64)
    if factor.ndim:
        check_shape(name, "dvalue", factor, (n,))
    if divisor is not None:
        factor = factor / divisor
    return factor.astype(dtype).reshape(-1, 1)
