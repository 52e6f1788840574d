"""Losses of a class for each example."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from cnnlite.checks.labels import check_reduction
from cnnlite.checks.numbers import integer, real
from cnnlite.functional.losses import (
    CrossEntropyCache,
    FocalLossCache,
    HingeLossCache,
    NLLLossCache,
)
from cnnlite.losses.base import Array, class_weights, like_scores
from cnnlite.losses.pair import PairLoss

__all__ = ["CrossEntropyLoss", "FocalLoss", "HingeLoss", "NLLLoss"]

_Cache = TypeVar("_Cache")


class _ClassLoss(PairLoss[_Cache]):
    """What losses of classes share: factors of the classes, and a target that counts nothing."""

    name: ClassVar[str]  # starts every message
    weighs_mean: ClassVar[bool] = True  # whether the mean is divided by the targets' weights

    def __init__(self, weight: npt.ArrayLike | None, reduction: str, ignore_index: int) -> None:
        self.weight = class_weights(self.name, weight)
        self.reduction = check_reduction(self.name, reduction)
        self.ignore_index = integer(self.name, "ignore_index", ignore_index)

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return the weight in the scores' dtype, and ignore_index."""
        weight = like_scores(self.name, "weight", self.weight, scores)
        return {"weight": weight, "ignore_index": self.ignore_index}

    def divisor(self, targets: npt.NDArray[Any]) -> float | None:
        """Return the sum of the targets' weights, without those that are ignored."""
        if self.reduction == "sum" or targets.dtype.kind == "f":
            return super().divisor(targets)
        labels = targets[targets != self.ignore_index]
        weight = self.weight if self.weighs_mean else None
        return float(labels.size if weight is None else weight[labels].sum())


class CrossEntropyLoss(_ClassLoss[CrossEntropyCache]):
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

    name = "CrossEntropyLoss"
    operation = "cross_entropy"

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(weight, reduction, ignore_index)
        self.label_smoothing = real(self.name, "label_smoothing", label_smoothing, 0, 1)

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return label_smoothing, too."""
        return super().settings(scores) | {"label_smoothing": self.label_smoothing}

    def targets(self, targets: npt.ArrayLike, scores: Array) -> npt.ArrayLike:
        """Return probabilities in the scores' dtype, and classes as they are."""
        if np.shape(targets) == np.shape(scores):
            return like_scores(self.name, "targets", targets, scores)
        return targets


class FocalLoss(_ClassLoss[FocalLossCache]):
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

    name = "FocalLoss"
    operation = "focal_loss"

    def __init__(
        self,
        gamma: float = 2.0,
        weight: npt.ArrayLike | None = None,
        reduction: str = "mean",
        ignore_index: int = -100,
    ) -> None:
        self.gamma = real(self.name, "gamma", gamma, 0)
        super().__init__(weight, reduction, ignore_index)

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return gamma, too."""
        return super().settings(scores) | {"gamma": self.gamma}


class HingeLoss(_ClassLoss[HingeLossCache]):
    """Multiclass SVM loss: every wrong class should score a margin less than the right one.

    Args:
        margin: how much the right class must lead.
        reduction: "mean" over the batch, "sum" or "none".
        weight: (C,) factors of the right classes, or None for ones; converted to the scores' dtype.
        ignore_index: examples of this target count nothing.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    name = "HingeLoss"
    operation = "hinge_loss"
    weighs_mean = False

    def __init__(
        self,
        margin: float = 1.0,
        reduction: str = "mean",
        weight: npt.ArrayLike | None = None,
        ignore_index: int = -100,
    ) -> None:
        self.margin = real(self.name, "margin", margin)
        super().__init__(weight, reduction, ignore_index)

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return margin, too."""
        return super().settings(scores) | {"margin": self.margin}


class NLLLoss(_ClassLoss[NLLLossCache]):
    """Minus the log-probability of the right class; `torch.nn.NLLLoss`.  `LogSoftmax` goes before.

    Args:
        weight: (C,) factors of the classes, or None for ones; converted to the scores' dtype.
        reduction: "mean" (divided by the sum of the targets' weights), "sum" or "none".
        ignore_index: examples of this target count nothing.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    name = "NLLLoss"
    operation = "nll_loss"

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        reduction: str = "mean",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(weight, reduction, ignore_index)
