"""Focal loss: cross entropy that looks away from what is already right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array
from cnnlite.checks.labels import Targets
from cnnlite.checks.numbers import real
from cnnlite.functional.elementary import exp, expm1, log, power
from cnnlite.functional.losses._examples import as_losses, examples, row_gradient
from cnnlite.functional.losses._reduction import Value, reduce_losses
from cnnlite.quiet import quiet

__all__ = ["FocalLossCache", "focal_loss_forward", "focal_loss_backward"]


class FocalLossCache(NamedTuple):
    """What the backward pass of the focal loss needs; M = N * d1 * ..."""

    probabilities: Array  # (M, C) softmax of the scores
    miss: Array  # (M,) 1 - p of the target: its own small number, for p may round to 1
    slope: Array  # (M,) -d loss / d log p, what the gradient of cross entropy is multiplied with
    factors: Array  # (M,) weights of the examples
    targets: Targets  # (M,)
    divisor: float | None
    shape: tuple[int, ...]  # of the scores


@quiet
def focal_loss_forward(
    scores: Array,
    targets: npt.ArrayLike,
    gamma: float = 2.0,
    weight: Array | None = None,
    reduction: str = "mean",
    ignore_index: int = -100,
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, FocalLossCache]:
    """An example of class t costs -w[t] * (1 - p[t])^gamma * log p[t]; p is the scores' softmax.

    With gamma 0 it is cross entropy.  The larger gamma, the less an example counts that is
    already classified well.

    Args:
        scores: (N, C) or (N, C, d1, ...), float32 or float64, any real numbers.
        targets: integers (N,) or (N, d1, ...), the right classes, 0 to C - 1.
        gamma: the focusing parameter, from 0 up.
        weight: (C,) w of the same dtype, the paper's alpha; None for ones.
        reduction: "mean" (divided by the sum of the targets' weights, as cross entropy is), "sum"
            or "none".
        ignore_index, sample_weight: see `cross_entropy_forward`.

    Returns:
        the loss, a float (for "none" an array (N, d1, ...)), and the cache.

    Raises:
        TypeError: scores or weight are not float32 or float64, or targets are not integers.
        ValueError: shapes do not fit, a target is out of range, or another setting is.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017, equations 4 and 5.
    """
    name = "FocalLoss"
    gamma = real(name, "gamma", gamma, 0)
    scores, labels, factors, shape = examples(
        name, scores, targets, weight, sample_weight, ignore_index, reduction
    )
    rows = np.arange(len(labels))
    shifted = np.subtract(scores, scores.max(axis=1, keepdims=True), order="C")
    exponentials = exp(shifted)
    norm = exponentials.sum(axis=1)
    probabilities = exponentials / norm[:, None]
    log_p = shifted[rows, labels] - log(norm)
    miss = -expm1(log_p)
    weights = np.ones_like(factors) if weight is None else weight[labels]
    focus = power(miss, gamma)
    # d/d log p of (1 - p)^gamma * log p, as dp/d log p = p.  The second term vanishes with 1 - p,
    # though (1 - p)^(gamma - 1) may not be finite: log p is as small.  It vanishes with p, too.
    wanted = probabilities[rows, labels]
    flat = (miss == 0) | (wanted == 0)
    lean = np.where(flat, 0, gamma * wanted * (focus / miss) * log_p)
    slope = weights * (focus - lean).astype(scores.dtype)
    total = weights * factors
    losses = as_losses(-total * focus * log_p, shape)
    value, divisor = reduce_losses(losses, float(total.sum(dtype=np.float64)), reduction)
    return value, FocalLossCache(probabilities, miss, slope, factors, labels, divisor, shape)


@quiet
def focal_loss_backward(cache: FocalLossCache, dvalue: float | Array = 1.0) -> Array:
    """Gradient of the focal loss: that of cross entropy, p - one-hot(t), times a slope.

    Args:
        cache: what `focal_loss_forward` returned; unchanged.
        dvalue: gradient with respect to the loss; for reduction "none" it may be (N, d1, ...).

    Returns:
        dscores like the scores.
    """
    drows = cache.probabilities.copy()
    drows[np.arange(len(drows)), cache.targets] = -cache.miss
    drows *= cache.slope[:, None]
    return row_gradient("FocalLoss", drows, cache.factors, dvalue, cache.divisor, cache.shape)
