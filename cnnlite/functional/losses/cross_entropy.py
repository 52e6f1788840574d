"""Cross entropy: softmax and negative log-likelihood, of classes or of probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array, as_array, check_floats
from cnnlite.checks.labels import Targets, check_reduction, check_scores
from cnnlite.checks.numbers import integer, real
from cnnlite.functional.elementary import exp, log
from cnnlite.functional.losses._examples import (
    as_losses,
    as_rows,
    examples,
    row_factors,
    row_gradient,
)
from cnnlite.functional.losses._reduction import Value, reduce_losses
from cnnlite.quiet import quiet

__all__ = ["CrossEntropyCache", "cross_entropy_forward", "cross_entropy_backward"]

_NAME = "CrossEntropyLoss"


class CrossEntropyCache(NamedTuple):
    """What the backward pass of cross entropy needs; M = N * d1 * ..."""

    probabilities: Array  # (M, C) softmax of the scores: dscores is this minus the wanted ones
    targets: Targets | Array  # (M,) classes, or (M, C) wanted probabilities, smoothed and weighted
    weight: Array | None
    label_smoothing: float
    factors: Array  # (M,) weights of the examples
    divisor: float | None  # what the sum was divided by; None for reduction "none"
    shape: tuple[int, ...]  # of the scores


@quiet
def cross_entropy_forward(
    scores: Array,
    targets: npt.ArrayLike,
    weight: Array | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    ignore_index: int = -100,
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, CrossEntropyCache]:
    """Softmax and negative log-likelihood; `torch.nn.functional.cross_entropy`.

    With w the class weights and s the smoothing, an example of class t costs
    -(1 - s) * w[t] * log p[t] - s/C * sum over c of w[c] * log p[c]; one of which the
    probabilities q are wanted costs -sum over c of w[c] * ((1 - s) * q[c] + s/C) * log p[c].

    Args:
        scores: (N, C) or (N, C, d1, ...), float32 or float64, any real numbers.
        targets: integers (N,) or (N, d1, ...), the right classes, 0 to C - 1; or probabilities of
            the shape and dtype of scores, which are taken as they are.
        weight: (C,) of the same dtype, or None for ones.
        label_smoothing: 0 to 1, how much of the wanted probability is spread over all classes.
        reduction: "mean" (divided by the sum of the targets' weights; with probabilities by the
            number of examples), "sum" or "none".
        ignore_index: examples of this target count nothing; not with probabilities.
        sample_weight: (N,) factors of the samples, which also count in the mean's divisor: a
            weight of 2 is the same as the sample standing twice in the batch.

    Returns:
        the loss, a float (for "none" an array (N, d1, ...)), and the cache.

    Raises:
        TypeError: scores or weight are not float32 or float64, or targets are neither integers
            nor floats of the scores' shape.
        ValueError: shapes do not fit, a target is out of range, or another setting is.

    Source: Szegedy et al., "Rethinking the Inception architecture", 2015, section 7 (smoothing).
    """
    label_smoothing = real(_NAME, "label_smoothing", label_smoothing, 0, 1)
    wanted = as_array(_NAME, "targets", targets)
    if wanted.dtype.kind == "f" and wanted.shape == np.shape(scores) and wanted.ndim > 1:
        return _of_probabilities(
            scores, wanted, weight, label_smoothing, reduction, ignore_index, sample_weight
        )
    rows, labels, factors, shape = examples(
        _NAME, scores, wanted, weight, sample_weight, ignore_index, reduction
    )
    probabilities, log_p = _softmax(rows)
    places, classes = np.arange(len(labels)), rows.shape[1]
    label_weights = factors if weight is None else weight[labels] * factors
    losses = -label_weights * log_p[places, labels]
    if label_smoothing:
        losses *= 1 - label_smoothing
        weighted = log_p if weight is None else log_p * weight
        losses -= label_smoothing / classes * weighted.sum(axis=1) * factors
    divisor = float(label_weights.sum(dtype=np.float64))
    value, divisor_or_none = reduce_losses(as_losses(losses, shape), divisor, reduction)
    return value, CrossEntropyCache(
        probabilities, labels, weight, label_smoothing, factors, divisor_or_none, shape
    )


def _of_probabilities(
    scores: Array,
    wanted: Array,
    weight: Array | None,
    label_smoothing: float,
    reduction: str,
    ignore_index: int,
    sample_weight: npt.ArrayLike | None,
) -> tuple[Value, CrossEntropyCache]:
    classes = check_scores(_NAME, scores, weight)
    check_floats(_NAME, scores=scores, targets=wanted)
    check_reduction(_NAME, reduction)
    if integer(_NAME, "ignore_index", ignore_index) >= 0:
        raise ValueError(
            f"{_NAME}: ignore_index is {ignore_index}, but targets are probabilities "
            f"{wanted.shape}; use sample_weight"
        )
    factors = row_factors(_NAME, scores, sample_weight)
    probabilities, log_p = _softmax(as_rows(scores))
    # A copy: the caller may reuse the array of targets before backward reads it.
    q = np.array(as_rows(wanted), order="C", subok=False)
    if label_smoothing:
        q = q * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        q *= weight
    losses = as_losses(-(q * log_p).sum(axis=1) * factors, scores.shape)
    value, divisor = reduce_losses(losses, float(factors.sum(dtype=np.float64)), reduction)
    return value, CrossEntropyCache(
        probabilities, q, weight, label_smoothing, factors, divisor, scores.shape
    )


def _softmax(rows: Array) -> tuple[Array, Array]:
    """Return the probabilities (M, C) and their logarithms.

    log p = score - log(sum of exp(scores)); the largest score is taken off first, so that exp stays
    within 1.  NumPy adds in the order of memory, and equal scores must give equal bits: hence
    order="C".
    """
    log_p = np.subtract(rows, rows.max(axis=1, keepdims=True), order="C")
    probabilities = exp(log_p)
    total = probabilities.sum(axis=1, keepdims=True)
    log_p -= log(total)
    probabilities /= total
    return probabilities, log_p


@quiet
def cross_entropy_backward(cache: CrossEntropyCache, dvalue: float | Array = 1.0) -> Array:
    """Gradient of cross entropy.

    Args:
        cache: what `cross_entropy_forward` returned; unchanged.
        dvalue: gradient with respect to the loss; for reduction "none" it may be (N, d1, ...).

    Returns:
        dscores like the scores.
    """
    probabilities, targets, weight, smoothing, factors, divisor, shape = cache
    rows, classes = probabilities.shape
    # Each term -a * log p[t] has the gradient a * (p - one-hot t).
    if targets.ndim == 2:
        drows = probabilities * targets.sum(axis=1, keepdims=True) - targets
    else:
        weights = np.ones(classes, probabilities.dtype) if weight is None else weight
        hit = (1 - smoothing) * weights[targets]
        spread = smoothing / classes * weights
        drows = probabilities * (hit + spread.sum())[:, None]
        drows -= spread
        drows[np.arange(rows), targets] -= hit
    return row_gradient(_NAME, drows, factors, dvalue, divisor, shape)
