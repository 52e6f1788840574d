"""Losses of numbers: squared error, absolute error, and what lies between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array
from cnnlite.checks.labels import check_reduction
from cnnlite.checks.numbers import real
from cnnlite.functional.losses._reduction import Value
from cnnlite.functional.losses.elementwise import (
    ElementwiseLossCache,
    check_pair,
    element_gradient,
    element_losses,
)
from cnnlite.quiet import quiet

__all__ = [
    "huber_loss_forward",
    "huber_loss_backward",
    "l1_loss_forward",
    "l1_loss_backward",
    "mse_loss_forward",
    "mse_loss_backward",
    "smooth_l1_loss_forward",
    "smooth_l1_loss_backward",
]


def _difference(name: str, scores: Array, targets: Array, reduction: str) -> Array:
    check_pair(name, scores, targets)
    check_reduction(name, reduction)
    difference: Array = np.asarray(np.subtract(scores, targets, order="C"))
    return difference


@quiet
def mse_loss_forward(
    scores: Array,
    targets: Array,
    reduction: str = "mean",
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, ElementwiseLossCache]:
    """Mean squared error; `torch.nn.functional.mse_loss`.

    Args:
        scores: any shape (N, ...), float32 or float64.
        targets: of the same shape and dtype.
        reduction: "mean" over all elements, "sum" or "none".
        sample_weight: (N,) factors of the samples, which also count in the mean's divisor.

    Returns:
        the loss, a float (for "none" an array like scores), and the cache.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: the shapes differ, or another reduction.
    """
    difference = _difference("MSELoss", scores, targets, reduction)
    squared = difference * difference
    return element_losses("MSELoss", squared, 2 * difference, reduction, sample_weight)


@quiet
def mse_loss_backward(cache: ElementwiseLossCache, dvalue: float | Array = 1.0) -> Array:
    """Return dscores = 2 * (scores - targets) * dvalue, divided as the loss was.

    Args:
        cache: what `mse_loss_forward` returned; unchanged.
        dvalue: gradient with respect to the loss; for reduction "none" it may be like scores.
    """
    return element_gradient("MSELoss", cache, dvalue)


@quiet
def l1_loss_forward(
    scores: Array,
    targets: Array,
    reduction: str = "mean",
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, ElementwiseLossCache]:
    """Mean absolute error; `torch.nn.functional.l1_loss`.

    Args, Returns and Raises as in `mse_loss_forward`.
    """
    difference = _difference("L1Loss", scores, targets, reduction)
    losses, slope = np.abs(difference), np.sign(difference)
    return element_losses("L1Loss", losses, slope, reduction, sample_weight)


@quiet
def l1_loss_backward(cache: ElementwiseLossCache, dvalue: float | Array = 1.0) -> Array:
    """Return dscores = sign(scores - targets) * dvalue, divided as the loss was; 0 at 0."""
    return element_gradient("L1Loss", cache, dvalue)


@quiet
def smooth_l1_loss_forward(
    scores: Array,
    targets: Array,
    reduction: str = "mean",
    beta: float = 1.0,
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, ElementwiseLossCache]:
    """0.5 d^2 / beta where |d| < beta, else |d| - 0.5 beta; `torch.nn.functional.smooth_l1_loss`.

    Args:
        scores, targets, reduction, sample_weight: see `mse_loss_forward`; d is their difference.
        beta: where the parabola goes over into lines, from 0 up; with 0 it is the absolute error.

    Returns, Raises: see `mse_loss_forward`.

    Source: Girshick, "Fast R-CNN", ICCV 2015, equation 3 (beta is 1).
    """
    name = "SmoothL1Loss"
    beta = real(name, "beta", beta, 0)
    d = _difference(name, scores, targets, reduction)
    inside = np.abs(d) < beta
    losses = np.where(inside, 0.5 * d * d / np.asarray(beta, d.dtype), np.abs(d) - 0.5 * beta)
    slope = np.where(inside, d / np.asarray(beta, d.dtype), np.sign(d))
    return element_losses(name, losses, slope, reduction, sample_weight)


@quiet
def smooth_l1_loss_backward(cache: ElementwiseLossCache, dvalue: float | Array = 1.0) -> Array:
    """Return dscores = d / beta or sign(d), times dvalue, divided as the loss was."""
    return element_gradient("SmoothL1Loss", cache, dvalue)


@quiet
def huber_loss_forward(
    scores: Array,
    targets: Array,
    reduction: str = "mean",
    delta: float = 1.0,
    sample_weight: npt.ArrayLike | None = None,
) -> tuple[Value, ElementwiseLossCache]:
    """0.5 d^2 where |d| <= delta, else delta (|d| - 0.5 delta); `torch.nn.functional.huber_loss`.

    Args:
        scores, targets, reduction, sample_weight: see `mse_loss_forward`; d is their difference.
        delta: where the parabola goes over into lines, above 0.

    Returns, Raises: see `mse_loss_forward`.

    Source: Huber, "Robust estimation of a location parameter", 1964.
    """
    name = "HuberLoss"
    delta = real(name, "delta", delta, 0, open_low=True)
    d = _difference(name, scores, targets, reduction)
    inside = np.abs(d) <= delta
    losses = np.where(inside, 0.5 * d * d, delta * (np.abs(d) - 0.5 * delta))
    slope = np.where(inside, d, delta * np.sign(d))
    return element_losses(name, losses, slope, reduction, sample_weight)


@quiet
def huber_loss_backward(cache: ElementwiseLossCache, dvalue: float | Array = 1.0) -> Array:
    """Return dscores = d or delta sign(d), times dvalue, divided as the loss was."""
    return element_gradient("HuberLoss", cache, dvalue)
