"""Losses of yes and no: each score is the logit of one answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array, check_floats
from cnnlite.checks.labels import check_reduction
from cnnlite.checks.numbers import real
from cnnlite.functional.elementary import exp, log1p, power
from cnnlite.functional.losses._reduction import Value
from cnnlite.functional.losses.elementwise import (
    ElementwiseLossCache,
    check_pair,
    element_gradient,
    element_losses,
)
from cnnlite.quiet import quiet

__all__ = [
    "binary_cross_entropy_with_logits_forward",
    "binary_cross_entropy_with_logits_backward",
    "sigmoid_focal_loss_forward",
    "sigmoid_focal_loss_backward",
]


def _logistic(x: Array) -> tuple[Array, Array, Array, Array]:
    """Return the probabilities of yes and no, and minus their logarithms.

    Each is its own small number, never 1 minus the other.
    """
    fall = exp(-np.abs(x))
    log = log1p(fall)
    large, small = 1 / (1 + fall), fall / (1 + fall)
    yes, no = np.where(x > 0, large, small), np.where(x > 0, small, large)
    return yes, no, np.maximum(-x, 0) + log, np.maximum(x, 0) + log


@quiet
def binary_cross_entropy_with_logits_forward(
    scores: Array,
    targets: Array,
    weight: Array | None = None,
    reduction: str = "mean",
    pos_weight: Array | None = None,
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, ElementwiseLossCache]:
    """-y log p - (1 - y) log(1 - p), p the sigmoid of the scores.

    It is `torch.nn.functional.binary_cross_entropy_with_logits`.

    Args:
        scores: logits of any shape (N, ...), float32 or float64.
        targets: y of the same shape and dtype, usually 0 to 1.
        weight: factors that broadcast to the scores' shape, of their dtype; None for ones.
        reduction: "mean" over all elements, whatever their weight, "sum" or "none".
        pos_weight: factors of -y log p that broadcast to the scores' shape, as (C,) for classes
            along the last axis; None for ones.
        sample_weight: (N,) factors of the samples, which also count in the mean's divisor.

    Returns:
        the loss, a float (for "none" an array like scores), and the cache.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: shapes do not fit, or another reduction.
    """
    name = "BCEWithLogitsLoss"
    check_pair(name, scores, targets)
    check_reduction(name, reduction)
    factor = _broadcast(name, "weight", weight, scores)
    positive = _broadcast(name, "pos_weight", pos_weight, scores)
    yes, no, cost_of_yes, cost_of_no = _logistic(scores)
    wanted = targets if positive is None else targets * positive
    losses = np.multiply(wanted, cost_of_yes, order="C") + (1 - targets) * cost_of_no
    slope = np.multiply(1 - targets, yes, order="C") - wanted * no
    if factor is not None:
        losses, slope = losses * factor, slope * factor
    return element_losses(name, losses, slope, reduction, sample_weight)


@quiet
def binary_cross_entropy_with_logits_backward(
    cache: ElementwiseLossCache, dvalue: float | Array = 1.0
) -> Array:
    """Return dscores = ((1 - y) p - y (1 - p)) * dvalue, weighted and divided as the loss was.

    Args:
        cache: what the forward pass returned; unchanged.
        dvalue: gradient with respect to the loss; for reduction "none" it may be like scores.
    """
    return element_gradient("BCEWithLogitsLoss", cache, dvalue)


@quiet
def sigmoid_focal_loss_forward(
    scores: Array,
    targets: Array,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: str = "none",
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, ElementwiseLossCache]:
    """Binary cross entropy times (1 - p[y])^gamma; `torchvision.ops.sigmoid_focal_loss`.

    p[y] = y p + (1 - y) (1 - p) is the probability of the right answer, p the sigmoid of the
    scores.

    Args:
        scores: logits of any shape (N, ...), float32 or float64.
        targets: y of the same shape and dtype, 0 or 1.
        alpha: factor of the yes, 1 - alpha being that of the no, 0 to 1; -1 for ones.
        gamma: the focusing parameter, from 0 up.
        reduction: "none", "mean" over all elements, or "sum".
        sample_weight: (N,) factors of the samples, which also count in the mean's divisor.

    Returns:
        the loss, an array like scores (a float for "mean" and "sum"), and the cache.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: the shapes differ, or a setting is out of range.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017, section 3.
    """
    name = "SigmoidFocalLoss"
    check_pair(name, scores, targets)
    check_reduction(name, reduction)
    alpha, gamma = focal_alpha(name, alpha), real(name, "gamma", gamma, 0)
    y, x = targets, scores
    yes, no, cost_of_yes, cost_of_no = _logistic(x)
    cost = np.multiply(y, cost_of_yes, order="C") + (1 - y) * cost_of_no
    slope = np.multiply(1 - y, yes, order="C") - y * no
    miss = np.multiply(1 - y, yes, order="C") + y * no
    focus = power(miss, gamma)
    losses, slope = focus * cost, focus * slope
    if gamma:
        # Where nothing is missed, p (1 - p) is 0 as well, and miss^(gamma - 1) may be infinite.
        lean = np.where(miss == 0, 0, focus / miss * (yes * no))
        slope += (gamma * (1 - 2 * y) * cost * lean).astype(x.dtype, copy=False)
    if alpha >= 0:
        factor = alpha * y + (1 - alpha) * (1 - y)
        losses, slope = losses * factor, slope * factor
    return element_losses(name, losses, slope, reduction, sample_weight)


@quiet
def sigmoid_focal_loss_backward(cache: ElementwiseLossCache, dvalue: float | Array = 1.0) -> Array:
    """Gradient; Args as in `binary_cross_entropy_with_logits_backward`."""
    return element_gradient("SigmoidFocalLoss", cache, dvalue)


def focal_alpha(name: str, alpha: float) -> float:
    """Return alpha; raise unless it is a number from 0 to 1, or -1."""
    return (
        -1.0 if isinstance(alpha, float | int) and alpha == -1 else real(name, "alpha", alpha, 0, 1)
    )


def _broadcast(name: str, argument: str, factor: Array | None, scores: Array) -> Array | None:
    if factor is None:
        return None
    arrays: dict[str, Any] = {"scores": scores, argument: factor}
    check_floats(name, **arrays)
    try:
        fits = np.broadcast_shapes(factor.shape, scores.shape) == scores.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name}: {argument} has shape {factor.shape}, which does not broadcast to scores "
            f"{scores.shape}"
        )
    return factor
