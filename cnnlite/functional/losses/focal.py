"""Focal loss: cross entropy that looks away from what is already right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array
from cnnlite.checks.labels import Targets, check_reduction, check_scores, check_targets
from cnnlite.checks.numbers import real
from cnnlite.functional._reduction import Value, example_factors, reduce_losses
from cnnlite.quiet import quiet

__all__ = ["FocalLossCache", "focal_loss_forward", "focal_loss_backward"]

__all__ = ["FocalLossCache", "focal_loss_forward", "focal_loss_backward"]


class FocalLossCache(NamedTuple):
    """What the backward pass of the focal loss needs."""

    probabilities: Array  # (N, C) softmax of the scores
    miss: Array  # (N,) 1 - p of the target: its own small number, for p may round to 1
    slope: Array  # (N,) -d loss / d log p, what the gradient of cross entropy is multiplied with
    targets: Targets
    divisor: float | None


@quiet
def focal_loss_forward(
    scores: Array,
    targets: npt.ArrayLike,
    gamma: float = 2.0,
    weight: Array | None = None,
    reduction: str = "mean",
) -> tuple[Value, FocalLossCache]:
    """An example of class t costs -w[t] * (1 - p[t])^gamma * log p[t]; p is the scores' softmax.

    With gamma 0 it is cross entropy.  The larger gamma, the less an example counts that is
    already classified well.

    Args:
        scores: (N, C), float32 or float64, any real numbers.
        targets: (N,) integers, the right classes, 0 to C - 1.
        gamma: the focusing parameter, from 0 up.
        weight: (C,) w of the same dtype, the paper's alpha; None for ones.
        reduction: "mean" (divided by the sum of the targets' weights, as cross entropy is), "sum"
            or "none".

    Returns:
        the loss, a float (for "none" an array (N,)), and the cache.

    Raises:
        TypeError: scores or weight are not float32 or float64, or targets are not integers.
        ValueError: shapes do not fit, a target is out of range, or another setting is.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017, equations 4 and 5.
    """
    name = "FocalLoss"
    check_scores(name, scores, weight)
    labels = check_targets(name, targets, scores)
    check_reduction(name, reduction)
    gamma = real(name, "gamma", gamma, 0)
    rows = np.arange(len(labels))
    shifted = np.subtract(scores, scores.max(axis=1, keepdims=True), order="C")
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1)
    probabilities = exponentials / total[:, None]
    log_p = shifted[rows, labels] - np.log(total)
    miss = -np.expm1(log_p)
    weights = np.ones(len(labels), scores.dtype) if weight is None else weight[labels]
    focus = miss**gamma
    # d/d log p of (1 - p)^gamma * log p, as dp/d log p = p.  The second term vanishes with 1 - p,
    # though (1 - p)^(gamma - 1) may not be finite: log p is as small.  It vanishes with p, too.
    wanted = probabilities[rows, labels]
    flat = (miss == 0) | (wanted == 0)
    lean = np.where(flat, 0, gamma * wanted * (focus / miss) * log_p)
    slope = weights * (focus - lean).astype(scores.dtype)
    divisor = float(weights.sum(dtype=np.float64))
    value, divisor_or_none = reduce_losses(-weights * focus * log_p, divisor, reduction)
    return value, FocalLossCache(probabilities, miss, slope, labels, divisor_or_none)


@quiet
def focal_loss_backward(cache: FocalLossCache, dvalue: float | Array = 1.0) -> Array:
    """Gradient of the focal loss: that of cross entropy, p - one-hot(t), times a slope.

    Args:
        cache: what `focal_loss_forward` returned; unchanged.
        dvalue: gradient with respect to the loss; for reduction "none" it may be (N,).

    Returns:
        dscores (N, C).
    """
    dtype, n = cache.probabilities.dtype, len(cache.targets)
    dscores = cache.probabilities.copy()
    dscores[np.arange(n), cache.targets] = -cache.miss
    dscores *= cache.slope[:, None]
    dscores *= example_factors("FocalLoss", dvalue, cache.divisor, n, dtype)
    return dscores
