"""Losses: how wrong the scores are, as one number, and its gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array, check_floats
from cnnlite.checks.labels import (
    Targets,
    check_dvalue,
    check_reduction,
    check_scores,
    check_targets,
)
from cnnlite.checks.numbers import real
from cnnlite.functional._reduction import Value, example_factors, reduce_losses
from cnnlite.quiet import quiet

__all__ = [
    "CrossEntropyCache",
    "HingeLossCache",
    "MSELossCache",
    "cross_entropy_forward",
    "cross_entropy_backward",
    "hinge_loss_forward",
    "hinge_loss_backward",
    "mse_loss_forward",
    "mse_loss_backward",
]

__all__ = [
    "CrossEntropyCache",
    "HingeLossCache",
    "MSELossCache",
    "cross_entropy_forward",
    "cross_entropy_backward",
    "hinge_loss_forward",
    "hinge_loss_backward",
    "mse_loss_forward",
    "mse_loss_backward",
]


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


@quiet
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
    classes = check_scores(name, scores, weight)
    labels = check_targets(name, targets, scores)
    label_smoothing = real(name, "label_smoothing", label_smoothing, 0, 1)
    check_reduction(name, reduction)
    rows = np.arange(len(labels))
    # log p = score - log(sum of exp(scores)); the largest score is taken off first, so that exp
    # stays within 1.  NumPy adds in the order of memory, and equal scores must give equal bits:
    # hence order="C", here and below.
    log_p = np.subtract(scores, scores.max(axis=1, keepdims=True), order="C")
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
    value, divisor_or_none = reduce_losses(losses, divisor, reduction)
    return value, CrossEntropyCache(probabilities, labels, weight, label_smoothing, divisor_or_none)


@quiet
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
    factor = example_factors("CrossEntropyLoss", dvalue, divisor, n, probabilities.dtype)
    hit = (1 - smoothing) * weights[targets]
    spread = smoothing / classes * weights
    # Each term -a * log p[t] has the gradient a * (p - one-hot t).
    dscores = probabilities * (hit + spread.sum())[:, None]
    dscores -= spread
    dscores[rows, targets] -= hit
    dscores *= factor
    return dscores


@quiet
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
    check_scores("HingeLoss", scores, None)
    labels = check_targets("HingeLoss", targets, scores)
    check_reduction("HingeLoss", reduction)
    margin = real("HingeLoss", "margin", margin)
    rows = np.arange(len(labels))
    margins = np.subtract(scores, scores[rows, labels][:, None], order="C")
    margins += margin
    np.maximum(margins, 0, out=margins)
    margins[rows, labels] = 0
    value, divisor = reduce_losses(margins.sum(axis=1), len(labels), reduction)
    return value, HingeLossCache(margins > 0, labels, scores.dtype, divisor)


@quiet
def hinge_loss_backward(cache: HingeLossCache, dvalue: float | Array = 1.0) -> Array:
    """Gradient of the hinge loss.  Args and Returns as in `cross_entropy_backward`.

    Each violated margin raises its own score's gradient by one and lowers the right one's.
    """
    dscores = cache.violated.astype(cache.dtype)
    rows = np.arange(len(dscores))
    dscores[rows, cache.targets] = -dscores.sum(axis=1)
    dscores *= example_factors("HingeLoss", dvalue, cache.divisor, len(dscores), cache.dtype)
    return dscores


@quiet
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
    difference = np.subtract(scores, targets, order="C")
    value, divisor = reduce_losses(difference * difference, difference.size, reduction)
    return value, MSELossCache(difference, divisor)


@quiet
def mse_loss_backward(cache: MSELossCache, dvalue: float | Array = 1.0) -> Array:
    """Return dscores = 2 * (scores - targets) * dvalue, divided as the loss was.

    Args:
        cache: what `mse_loss_forward` returned; unchanged.
        dvalue: gradient with respect to the loss; for reduction "none" it may be like scores.
    """
    difference = cache.difference
    doubled = 2 * check_dvalue("MSELoss", dvalue, difference.shape)
    factor = np.asarray(doubled, difference.dtype)
    dscores: Array = difference * factor
    if cache.divisor is not None:
        dscores /= cache.divisor
    return dscores
