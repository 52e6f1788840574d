"""Losses: how wrong the scores are, as one number, and its gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.functional._checks import Array, check_floats, check_shape, contiguous

Targets = npt.NDArray[np.integer[Any]]
Value = float | Array
_REDUCTIONS = ("mean", "sum", "none")
# Infinite scores and an empty batch's mean give NaN, as in PyTorch, without a warning.
_quiet = np.errstate(under="ignore", over="ignore", invalid="ignore", divide="ignore")


class CrossEntropyCache(NamedTuple):
    """What the backward pass of cross entropy needs."""

    probabilities: Array  # (N, C) softmax of the scores: dscores is this minus the wanted ones
    targets: Targets
    weight: Array | None
    label_smoothing: float
    divisor: float | None  # what the sum was divided by; None for reduction "none"


class HingeLossCache(NamedTuple):
    """What the backward pass of the hinge loss needs."""

    violated: npt.NDArray[np.bool_]  # (N, C): where a margin is violated, which is where it slopes
    targets: Targets
    dtype: np.dtype[Any]
    divisor: float | None


class MSELossCache(NamedTuple):
    """What the backward pass of the mean squared error needs."""

    difference: Array  # scores - targets
    divisor: float | None


@_quiet
def cross_entropy_forward(
    scores: Array,
    targets: npt.ArrayLike,
    weight: Array | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> tuple[Value, CrossEntropyCache]:
    """Softmax and negative log-likelihood; `torch.nn.functional.cross_entropy`.

    With w the class weights and s the smoothing, an example of class t costs
    -(1 - s) * w[t] * log p[t] - s/C * sum over c of w[c] * log p[c].

    Args:
        scores: (N, C), float32 or float64, any real numbers.
        targets: (N,) integers, the right classes, 0 to C - 1.
        weight: (C,) of the same dtype, or None for ones.
        label_smoothing: 0 to 1, how much of the wanted probability is spread over all classes.
        reduction: "mean" (divided by the sum of the targets' weights), "sum" or "none".

    Returns:
        the loss, a float (for "none" an array (N,)), and the cache.

    Raises:
        TypeError: scores or weight are not float32 or float64, or targets are not integers.
        ValueError: shapes do not fit, a target is out of range, or another setting is.

    Source: Szegedy et al., "Rethinking the Inception architecture", 2015, section 7 (smoothing).
    """
    name = "CrossEntropyLoss"
    classes = _check_scores(name, scores, weight)
    scores = contiguous(scores)  # so that sums have one order, whatever the array's
    labels = _check_targets(name, targets, scores)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{name}: label_smoothing must be from 0 to 1, got {label_smoothing!r}")
    check_reduction(name, reduction)
    rows = np.arange(len(labels))
    # log p = score - log(sum of exp(scores)); the largest score is taken off first, so that exp
    # stays within 1.
    log_p = scores - scores.max(axis=1, keepdims=True)
    probabilities = np.exp(log_p)
    total = probabilities.sum(axis=1, keepdims=True)
    log_p -= np.log(total)
    probabilities /= total
    label_weights = np.ones(len(labels), scores.dtype) if weight is None else weight[labels]
    losses = -label_weights * log_p[rows, labels]
    if label_smoothing:
        losses *= 1 - label_smoothing
        weighted = log_p if weight is None else log_p * weight
        losses -= label_smoothing / classes * weighted.sum(axis=1)
    divisor = float(label_weights.sum(dtype=np.float64))
    value, divisor_or_none = _reduce(losses, divisor, reduction)
    return value, CrossEntropyCache(probabilities, labels, weight, label_smoothing, divisor_or_none)


@_quiet
def cross_entropy_backward(cache: CrossEntropyCache, dvalue: float | Array = 1.0) -> Array:
    """Gradient of cross entropy.

    Args:
        cache: what `cross_entropy_forward` returned; unchanged.
        dvalue: gradient with respect to the loss; for reduction "none" it may be (N,).

    Returns:
        dscores (N, C).
    """
    probabilities, targets, weight, smoothing, divisor = cache
    n, classes = probabilities.shape
    rows = np.arange(n)
    weights = np.ones(classes, probabilities.dtype) if weight is None else weight
    factor = _factor("CrossEntropyLoss", dvalue, divisor, n, probabilities.dtype)
    hit = (1 - smoothing) * weights[targets]
    spread = smoothing / classes * weights
    # Each term -a * log p[t] has the gradient a * (p - one-hot t).
    dscores = probabilities * (hit + spread.sum())[:, None]
    dscores -= spread
    dscores[rows, targets] -= hit
    dscores *= factor
    return dscores


@_quiet
def hinge_loss_forward(
    scores: Array, targets: npt.ArrayLike, margin: float = 1.0, reduction: str = "mean"
) -> tuple[Value, HingeLossCache]:
    """Multiclass SVM loss: sum over the wrong classes of max(0, score - right score + margin).

    Args:
        scores: (N, C), float32 or float64.
        targets: (N,) integers, the right classes, 0 to C - 1.
        margin: how much the right class must lead.
        reduction: "mean" over the batch, "sum" or "none".

    Returns:
        the loss, a float (for "none" an array (N,)), and the cache.

    Raises:
        TypeError: scores are not float32 or float64, or targets are not integers.
        ValueError: shapes do not fit, or a target is out of range.

    Source: Weston and Watkins, "Support vector machines for multi-class pattern recognition",
    1999.
    """
    _check_scores("HingeLoss", scores, None)
    scores = contiguous(scores)
    labels = _check_targets("HingeLoss", targets, scores)
    check_reduction("HingeLoss", reduction)
    rows = np.arange(len(labels))
    margins = scores - scores[rows, labels][:, None]
    margins += margin
    np.maximum(margins, 0, out=margins)
    margins[rows, labels] = 0
    value, divisor = _reduce(margins.sum(axis=1), len(labels), reduction)
    return value, HingeLossCache(margins > 0, labels, scores.dtype, divisor)


@_quiet
def hinge_loss_backward(cache: HingeLossCache, dvalue: float | Array = 1.0) -> Array:
    """Gradient of the hinge loss.  Args and Returns as in `cross_entropy_backward`.

    Each violated margin raises its own score's gradient by one and lowers the right one's.
    """
    dscores = cache.violated.astype(cache.dtype)
    rows = np.arange(len(dscores))
    dscores[rows, cache.targets] = -dscores.sum(axis=1)
    dscores *= _factor("HingeLoss", dvalue, cache.divisor, len(dscores), cache.dtype)
    return dscores


@_quiet
def mse_loss_forward(
    scores: Array, targets: Array, reduction: str = "mean"
) -> tuple[Value, MSELossCache]:
    """Mean squared error; `torch.nn.functional.mse_loss`.

    Args:
        scores: any shape, float32 or float64.
        targets: of the same shape and dtype.
        reduction: "mean" over all elements, "sum" or "none".

    Returns:
        the loss, a float (for "none" an array like scores), and the cache.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: the shapes differ, or another reduction.
    """
    check_floats("MSELoss", scores=scores, targets=targets)
    if scores.shape != targets.shape:
        raise ValueError(
            f"MSELoss: targets have shape {targets.shape}, but scores have {scores.shape}"
        )
    check_reduction("MSELoss", reduction)
    difference = contiguous(scores) - contiguous(targets)
    value, divisor = _reduce(difference * difference, difference.size, reduction)
    return value, MSELossCache(difference, divisor)


@_quiet
def mse_loss_backward(cache: MSELossCache, dvalue: float | Array = 1.0) -> Array:
    """Returns dscores = 2 * (scores - targets) * dvalue, divided as the loss was.

    Args:
        cache: what `mse_loss_forward` returned; unchanged.
        dvalue: gradient with respect to the loss; for reduction "none" it may be like scores.
    """
    difference = cache.difference
    if np.ndim(dvalue):
        check_shape("MSELoss", "dvalue", np.asarray(dvalue), difference.shape)
    factor = np.asarray(2 * np.asarray(dvalue, np.float64), difference.dtype)
    dscores: Array = difference * factor
    if cache.divisor is not None:
        dscores /= cache.divisor
    return dscores


def _check_scores(name: str, scores: Array, weight: Array | None) -> int:
    check_floats(name, scores=scores, weight=weight)
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ValueError(f"{name}: scores must have shape (N, C), C at least 1, got {scores.shape}")
    classes = int(scores.shape[1])
    check_shape(name, "weight", weight, (classes,))
    return classes


def _check_targets(name: str, targets: npt.ArrayLike, scores: Array) -> Targets:
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
    """Returns the reduction; raises ValueError for one that there is not."""
    if reduction not in _REDUCTIONS:
        raise ValueError(f"{name}: reduction must be one of {_REDUCTIONS}, got {reduction!r}")
    return reduction


def _reduce(losses: Array, count: float, reduction: str) -> tuple[Value, float | None]:
    """The loss as asked for, and what the gradient must be divided by."""
    if reduction == "none":
        return losses, None
    total = losses.sum(dtype=np.float64)
    divisor = float(count) if reduction == "mean" else 1.0
    return float(total / np.float64(divisor)), divisor


def _factor(
    name: str, dvalue: float | Array, divisor: float | None, n: int, dtype: np.dtype[Any]
) -> Array:
    """What each example's gradient is multiplied with, (1, 1) or (N, 1)."""
    factor = np.asarray(dvalue, np.float64)
    if factor.ndim:
        check_shape(name, "dvalue", factor, (n,))
    if divisor is not None:
        factor = factor / divisor
    return factor.astype(dtype).reshape(-1, 1)
