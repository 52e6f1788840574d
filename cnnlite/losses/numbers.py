"""Losses of numbers: squared error, absolute error, and what lies between them."""

from __future__ import annotations

from typing import Any

from cnnlite.checks.labels import check_reduction
from cnnlite.checks.numbers import real
from cnnlite.losses.base import Array
from cnnlite.losses.elementwise import ElementwiseLoss

__all__ = ["HuberLoss", "L1Loss", "MSELoss", "SmoothL1Loss"]


class MSELoss(ElementwiseLoss):
    """Mean squared error; `torch.nn.MSELoss`.

    Args:
        reduction: "mean" over all elements, "sum" or "none".

    Raises:
        ValueError: another reduction.
    """

    operation = "mse_loss"

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = check_reduction("MSELoss", reduction)


class L1Loss(ElementwiseLoss):
    """Mean absolute error; `torch.nn.L1Loss`.

    Args:
        reduction: "mean" over all elements, "sum" or "none".

    Raises:
        ValueError: another reduction.
    """

    operation = "l1_loss"

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = check_reduction("L1Loss", reduction)


class SmoothL1Loss(ElementwiseLoss):
    """0.5 d^2 / beta where |d| < beta, else |d| - 0.5 beta; `torch.nn.SmoothL1Loss`.

    Args:
        reduction: "mean" over all elements, "sum" or "none".
        beta: where the parabola goes over into lines, from 0 up.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    operation = "smooth_l1_loss"

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        self.reduction = check_reduction("SmoothL1Loss", reduction)
        self.beta = real("SmoothL1Loss", "beta", beta, 0)

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return beta."""
        return {"beta": self.beta}


class HuberLoss(ElementwiseLoss):
    """0.5 d^2 where |d| <= delta, else delta (|d| - 0.5 delta); `torch.nn.HuberLoss`.

    Args:
        reduction: "mean" over all elements, "sum" or "none".
        delta: where the parabola goes over into lines, above 0.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    operation = "huber_loss"

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        self.reduction = check_reduction("HuberLoss", reduction)
        self.delta = real("HuberLoss", "delta", delta, 0, open_low=True)

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return delta."""
        return {"delta": self.delta}
