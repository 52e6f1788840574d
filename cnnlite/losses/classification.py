"""Losses of a class for each example."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cnnlite import functional
from cnnlite.checks.labels import check_reduction
from cnnlite.checks.numbers import integer, real
from cnnlite.functional.losses import (
    CrossEntropyCache,
    FocalLossCache,
    HingeLossCache,
    NLLLossCache,
)
from cnnlite.losses.base import Array, Loss, class_weights, like_scores

__all__ = ["CrossEntropyLoss", "FocalLoss", "HingeLoss", "NLLLoss"]


class CrossEntropyLoss(Loss[CrossEntropyCache]):
    """Softmax and negative log-likelihood; `torch.nn.CrossEntropyLoss`.

    Targets are classes, or probabilities of the scores' shape.

    Args:
        weight: (C,) factors of the classes, or None for ones; converted to the scores' dtype.
        label_smoothing: 0 to 1, how much of the wanted probability is spread over all classes.
        reduction: "mean" (divided by the sum of the targets' weights; with probabilities by the
            number of examples), "sum" or "none".
        ignore_index: examples of this target count nothing.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
        ignore_index: int = -100,
    ) -> None:
        name = "CrossEntropyLoss"
        self.weight = class_weights(name, weight)
        self.label_smoothing = real(name, "label_smoothing", label_smoothing, 0, 1)
        self.reduction = check_reduction(name, reduction)
        self.ignore_index = integer(name, "ignore_index", ignore_index)

    def forward(
        self, scores: Array, targets: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> tuple[float | Array, CrossEntropyCache]:
        """Args and Raises: see `cnnlite.functional.cross_entropy_forward`.

        Targets that are probabilities are converted to the scores' dtype.
        """
        name = "CrossEntropyLoss"
        if np.shape(targets) == np.shape(scores):
            targets = like_scores(name, "targets", targets, scores)
        return functional.cross_entropy_forward(
            scores, targets, like_scores(name, "weight", self.weight, scores),
            self.label_smoothing, self.reduction, self.ignore_index, sample_weight,
        )  # fmt: skip

    def backward(self, cache: CrossEntropyCache, dvalue: float | Array = 1.0) -> Array:
        """Return dscores like the scores."""
        return functional.cross_entropy_backward(cache, dvalue)


class FocalLoss(Loss[FocalLossCache]):
    """Cross entropy in which examples that are classified well count little.

    With gamma=0 it is CrossEntropyLoss.

    Args:
        gamma: the focusing parameter, from 0 up.
        weight: (C,) factors of the classes, or None for ones; converted to the scores' dtype.
            For imbalanced classes see `class_balanced_weight`.
        reduction: "mean" (divided by the sum of the targets' weights), "sum" or "none".
        ignore_index: examples of this target count nothing.

    Raises:
        TypeError, ValueError: an argument is out of range.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017.
    """

    def __init__(
        self,
        gamma: float = 2.0,
        weight: npt.ArrayLike | None = None,
        reduction: str = "mean",
        ignore_index: int = -100,
    ) -> None:
        self.gamma = real("FocalLoss", "gamma", gamma, 0)
        self.weight = class_weights("FocalLoss", weight)
        self.reduction = check_reduction("FocalLoss", reduction)
        self.ignore_index = integer("FocalLoss", "ignore_index", ignore_index)

    def forward(
        self, scores: Array, targets: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> tuple[float | Array, FocalLossCache]:
        """Args and Raises: see `cnnlite.functional.focal_loss_forward`."""
        weight = like_scores("FocalLoss", "weight", self.weight, scores)
        return functional.focal_loss_forward(
            scores, targets, self.gamma, weight, self.reduction, self.ignore_index, sample_weight
        )

    def backward(self, cache: FocalLossCache, dvalue: float | Array = 1.0) -> Array:
        """Return dscores like the scores."""
        return functional.focal_loss_backward(cache, dvalue)


class HingeLoss(Loss[HingeLossCache]):
    """Multiclass SVM loss: every wrong class should score a margin less than the right one.

    Args:
        margin: how much the right class must lead.
        reduction: "mean" over the batch, "sum" or "none".
        weight: (C,) factors of the right classes, or None for ones; converted to the scores' dtype.
        ignore_index: examples of this target count nothing.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(
        self,
        margin: float = 1.0,
        reduction: str = "mean",
        weight: npt.ArrayLike | None = None,
        ignore_index: int = -100,
    ) -> None:
        self.margin = real("HingeLoss", "margin", margin)
        self.reduction = check_reduction("HingeLoss", reduction)
        self.weight = class_weights("HingeLoss", weight)
        self.ignore_index = integer("HingeLoss", "ignore_index", ignore_index)

    def forward(
        self, scores: Array, targets: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> tuple[float | Array, HingeLossCache]:
        """Args and Raises: see `cnnlite.functional.hinge_loss_forward`."""
        weight = like_scores("HingeLoss", "weight", self.weight, scores)
        return functional.hinge_loss_forward(
            scores, targets, self.margin, self.reduction, weight, self.ignore_index, sample_weight
        )

    def backward(self, cache: HingeLossCache, dvalue: float | Array = 1.0) -> Array:
        """Return dscores like the scores."""
        return functional.hinge_loss_backward(cache, dvalue)


class NLLLoss(Loss[NLLLossCache]):
    """Minus the log-probability of the right class; `torch.nn.NLLLoss`.  `LogSoftmax` goes before.

    Args:
        weight: (C,) factors of the classes, or None for ones; converted to the scores' dtype.
        reduction: "mean" (divided by the sum of the targets' weights), "sum" or "none".
        ignore_index: examples of this target count nothing.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        reduction: str = "mean",
        ignore_index: int = -100,
    ) -> None:
        self.weight = class_weights("NLLLoss", weight)
        self.reduction = check_reduction("NLLLoss", reduction)
        self.ignore_index = integer("NLLLoss", "ignore_index", ignore_index)

    def forward(
        self, scores: Array, targets: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> tuple[float | Array, NLLLossCache]:
        """Args and Raises: see `cnnlite.functional.nll_loss_forward`."""
        weight = like_scores("NLLLoss", "weight", self.weight, scores)
        return functional.nll_loss_forward(
            scores, targets, weight, self.reduction, self.ignore_index, sample_weight
        )

    def backward(self, cache: NLLLossCache, dvalue: float | Array = 1.0) -> Array:
        """Return dscores like the scores."""
        return functional.nll_loss_backward(cache, dvalue)
