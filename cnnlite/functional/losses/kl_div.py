"""Kullback-Leibler divergence, of log-probabilities from probabilities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import choice, flag
from cnnlite.functional.elementary import exp, log
from cnnlite.functional.losses._reduction import Value
from cnnlite.functional.losses.elementwise import (
    ElementwiseLossCache,
    check_pair,
    element_gradient,
    element_losses,
)
from cnnlite.quiet import quiet

__all__ = ["kl_div_forward", "kl_div_backward"]

KL_REDUCTIONS = ("mean", "batchmean", "sum", "none")


@quiet
def kl_div_forward(
    scores: Array,
    targets: Array,
    reduction: str = "mean",
    log_target: bool = False,
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, ElementwiseLossCache]:
    """targets * (log targets - scores), 0 where a target is 0; `torch.nn.functional.kl_div`.

    Args:
        scores: log-probabilities of any shape (N, ...), float32 or float64.
        targets: probabilities of the same shape and dtype.
        reduction: "mean" over all elements, "batchmean" over the samples (which is the
            divergence), "sum" or "none".
        log_target: targets are log-probabilities too.
        sample_weight: (N,) factors of the samples, which also count in the mean's divisor.

    Returns:
        the loss, a float (for "none" an array like scores), and the cache.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: the shapes differ, or another reduction.

    Source: Kullback and Leibler, "On information and sufficiency", 1951.
    """
    name = "KLDivLoss"
    check_pair(name, scores, targets)
    choice(name, "reduction", reduction, KL_REDUCTIONS)
    if flag(name, "log_target", log_target):
        wanted = exp(targets)
        losses = np.multiply(wanted, targets - scores, order="C")
    else:
        wanted = np.array(targets, order="C", subok=False)
        logarithm = log(np.where(wanted == 0, 1, wanted))
        losses = wanted * logarithm - np.multiply(wanted, scores, order="C")
    count = len(scores) if reduction == "batchmean" and scores.ndim else None
    how = "mean" if reduction == "batchmean" else reduction
    return element_losses(name, losses, -wanted, how, sample_weight, count)


@quiet
def kl_div_backward(cache: ElementwiseLossCache, dvalue: float | Array = 1.0) -> Array:
    """Return dscores = -targets * dvalue, divided as the loss was; see `mse_loss_backward`."""
    return element_gradient("KLDivLoss", cache, dvalue)
