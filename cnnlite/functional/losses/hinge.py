"""Multiclass hinge loss."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array
from cnnlite.checks.labels import Targets
from cnnlite.checks.numbers import real
from cnnlite.functional.losses._examples import as_losses, examples, row_gradient
from cnnlite.functional.losses._reduction import Value, reduce_losses
from cnnlite.quiet import quiet

__all__ = ["HingeLossCache", "hinge_loss_forward", "hinge_loss_backward"]


class HingeLossCache(NamedTuple):
    """What the backward pass of the hinge loss needs; M = N * d1 * ..."""

    violated: npt.NDArray[np.bool_]  # (M, C): where a margin is violated, which is where it slopes
    targets: Targets  # (M,)
    weights: Array  # (M,) of the right classes
    factors: Array  # (M,) weights of the examples
    divisor: float | None
    shape: tuple[int, ...]  # of the scores


@quiet
def hinge_loss_forward(
    scores: Array,
    targets: npt.ArrayLike,
    margin: float = 1.0,
    reduction: str = "mean",
    weight: Array | None = None,
    ignore_index: int = -100,
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, HingeLossCache]:
    """Multiclass SVM loss: sum over the wrong classes of max(0, score - right score + margin).

    It is `torch.nn.functional.multi_margin_loss` times the number of classes.

    Args:
        scores: (N, C) or (N, C, d1, ...), float32 or float64.
        targets: integers (N,) or (N, d1, ...), the right classes, 0 to C - 1.
        margin: how much the right class must lead.
        reduction: "mean" over the examples (of whatever class, as in PyTorch), "sum" or "none".
        weight: (C,) factors of the right classes, of the same dtype; None for ones.
        ignore_index, sample_weight: see `cross_entropy_forward`.

    Returns:
        the loss, a float (for "none" an array (N, d1, ...)), and the cache.

    Raises:
        TypeError: scores or weight are not float32 or float64, or targets are not integers.
        ValueError: shapes do not fit, or a target is out of range.

    Source: Weston and Watkins, "Support vector machines for multi-class pattern recognition",
    1999.
    """
    margin = real("HingeLoss", "margin", margin)
    scores, labels, factors, shape = examples(
        "HingeLoss", scores, targets, weight, sample_weight, ignore_index, reduction
    )
    rows = np.arange(len(labels))
    margins = np.subtract(scores, scores[rows, labels][:, None], order="C")
    margins += margin
    np.maximum(margins, 0, out=margins)
    margins[rows, labels] = 0
    divisor = float(factors.sum(dtype=np.float64))
    weights = np.ones_like(factors) if weight is None else weight[labels]
    losses = as_losses(margins.sum(axis=1) * weights * factors, shape)
    value, divisor_or_none = reduce_losses(losses, divisor, reduction)
    return value, HingeLossCache(margins > 0, labels, weights, factors, divisor_or_none, shape)


@quiet
def hinge_loss_backward(cache: HingeLossCache, dvalue: float | Array = 1.0) -> Array:
    """Gradient of the hinge loss.  Args and Returns as in `cross_entropy_backward`.

    Each violated margin raises its own score's gradient by one and lowers the right one's.
    """
    drows = cache.violated * cache.weights[:, None]
    drows[np.arange(len(drows)), cache.targets] = -drows.sum(axis=1)
    return row_gradient("HingeLoss", drows, cache.factors, dvalue, cache.divisor, cache.shape)
