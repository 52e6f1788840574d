"""Losses of answers of yes and no, each by itself, and of distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import as_array
from cnnlite.checks.labels import check_reduction
from cnnlite.checks.numbers import choice, flag, real
from cnnlite.functional.losses.binary import focal_alpha
from cnnlite.functional.losses.kl_div import KL_REDUCTIONS
from cnnlite.losses.base import Array, like_scores
from cnnlite.losses.elementwise import ElementwiseLoss

__all__ = ["BCEWithLogitsLoss", "KLDivLoss", "SigmoidFocalLoss"]


class BCEWithLogitsLoss(ElementwiseLoss):
    """Sigmoid and binary cross entropy of each score; `torch.nn.BCEWithLogitsLoss`.

    Args:
        weight: factors that broadcast to the scores' shape, or None for ones.
        reduction: "mean" over all elements, "sum" or "none".
        pos_weight: factors of the yes that broadcast to the scores' shape, as (C,) for the classes
            of scores (N, C); None for ones. Both are converted to the scores' dtype.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    operation = "binary_cross_entropy_with_logits"

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        reduction: str = "mean",
        pos_weight: npt.ArrayLike | None = None,
    ) -> None:
        self.weight = _factors("weight", weight)
        self.reduction = check_reduction("BCEWithLogitsLoss", reduction)
        self.pos_weight = _factors("pos_weight", pos_weight)

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return both weights in the scores' dtype."""
        given = {"weight": self.weight, "pos_weight": self.pos_weight}
        return {k: like_scores("BCEWithLogitsLoss", k, v, scores) for k, v in given.items()}


class SigmoidFocalLoss(ElementwiseLoss):
    """Binary cross entropy in which answers that are right count little.

    It is `torchvision.ops.sigmoid_focal_loss`, with another reduction by default.

    Args:
        alpha: factor of the yes, 1 - alpha being that of the no, 0 to 1; -1 for ones.
        gamma: the focusing parameter, from 0 up.
        reduction: "mean" over all elements, "sum" or "none".

    Raises:
        TypeError, ValueError: an argument is out of range.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017.
    """

    operation = "sigmoid_focal_loss"

    def __init__(self, alpha: float = 0.25, gamma: float = 2.0, reduction: str = "mean") -> None:
        self.alpha = focal_alpha("SigmoidFocalLoss", alpha)
        self.gamma = real("SigmoidFocalLoss", "gamma", gamma, 0)
        self.reduction = check_reduction("SigmoidFocalLoss", reduction)

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return alpha and gamma."""
        return {"alpha": self.alpha, "gamma": self.gamma}


class KLDivLoss(ElementwiseLoss):
    """targets * (log targets - scores), of log-probabilities as scores; `torch.nn.KLDivLoss`.

    Args:
        reduction: "mean" over all elements, "batchmean" over the samples, "sum" or "none".
        log_target: targets are log-probabilities too.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    operation = "kl_div"

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        self.reduction = choice("KLDivLoss", "reduction", reduction, KL_REDUCTIONS)
        self.log_target = flag("KLDivLoss", "log_target", log_target)

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return log_target."""
        return {"log_target": self.log_target}


def _factors(argument: str, value: npt.ArrayLike | None) -> Array | None:
    """Return a copy of factors of any shape as float64, or None."""
    if value is None:
        return None
    array = as_array("BCEWithLogitsLoss", argument, value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"BCEWithLogitsLoss: {argument} is {array.dtype}, expected numbers")
    if not np.isfinite(array).all():
        raise ValueError(f"BCEWithLogitsLoss: {argument} holds NaN or infinity")
    return array.astype(np.float64)
