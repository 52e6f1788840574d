"""Negative log-likelihood, of log-probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array
from cnnlite.checks.labels import Targets
from cnnlite.functional.losses._examples import as_losses, as_scores, examples, row_slopes
from cnnlite.functional.losses._reduction import Value, reduce_losses
from cnnlite.quiet import quiet

__all__ = ["NLLLossCache", "nll_loss_forward", "nll_loss_backward"]


class NLLLossCache(NamedTuple):
    """What the backward pass of the negative log-likelihood needs; M = N * d1 * ..."""

    targets: Targets  # (M,)
    weights: Array  # (M,) of the right classes
    factors: Array  # (M,) weights of the examples
    divisor: float | None
    shape: tuple[int, ...]  # of the scores


@quiet
def nll_loss_forward(
    scores: Array,
    targets: npt.ArrayLike,
    weight: Array | None = None,
    reduction: str = "mean",
    ignore_index: int = -100,
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, NLLLossCache]:
    """Minus the log-probability of the right class; `torch.nn.functional.nll_loss`.

    Of `log_softmax_forward` it is cross entropy.

    Args:
        scores: log-probabilities (N, C) or (N, C, d1, ...), float32 or float64.
        targets: integers (N,) or (N, d1, ...), the right classes, 0 to C - 1.
        weight: (C,) of the same dtype, or None for ones.
        reduction: "mean" (divided by the sum of the targets' weights), "sum" or "none".
        ignore_index, sample_weight: see `cross_entropy_forward`.

    Returns:
        the loss, a float (for "none" an array (N, d1, ...)), and the cache.

    Raises:
        TypeError: scores or weight are not float32 or float64, or targets are not integers.
        ValueError: shapes do not fit, or a target is out of range.
    """
    rows, labels, factors, shape = examples(
        "NLLLoss", scores, targets, weight, sample_weight, ignore_index, reduction
    )
    weights = np.ones_like(factors) if weight is None else weight[labels]
    total = weights * factors
    losses = as_losses(-total * rows[np.arange(len(labels)), labels], shape)
    value, divisor = reduce_losses(losses, float(total.sum(dtype=np.float64)), reduction)
    return value, NLLLossCache(labels, weights, factors, divisor, shape)


@quiet
def nll_loss_backward(cache: NLLLossCache, dvalue: float | Array = 1.0) -> Array:
    """Gradient of the negative log-likelihood.  Args and Returns as in `cross_entropy_backward`."""
    slopes = row_slopes("NLLLoss", cache.factors, dvalue, cache.divisor, cache.shape)
    drows = np.zeros((len(slopes), cache.shape[1]), slopes.dtype)
    drows[np.arange(len(slopes)), cache.targets] = -slopes * cache.weights
    return as_scores(drows, cache.shape)
