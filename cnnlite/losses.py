"""Losses as objects: `value, cache = loss.forward(scores, targets)`, `loss.backward(cache)`."""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from cnnlite import functional
from cnnlite.checks.arrays import as_array, converted, real_array
from cnnlite.checks.labels import check_reduction
from cnnlite.checks.numbers import real, shown
from cnnlite.debug_caches import debug_caches, guard_class
from cnnlite.functional.focal_loss import FocalLossCache
from cnnlite.functional.losses import CrossEntropyCache, HingeLossCache, MSELossCache

Array = npt.NDArray[np.floating[Any]]
_Cache = TypeVar("_Cache")
Forward = tuple[float | Array, _Cache]


class Loss(ABC, Generic[_Cache]):
    """The base of losses: `forward` and `backward`; calling a loss returns the value alone."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if debug_caches:
            guard_class(cls)

    @abstractmethod
    def forward(self, scores: Array, targets: npt.ArrayLike) -> Forward[_Cache]:
        """Return the loss and what backward needs.

        Args:
            scores: the network's output, (N, C).
            targets: what it should be.

        Returns:
            The loss, a float (an array for reduction "none"), and the cache.
        """

    @abstractmethod
    def backward(self, cache: _Cache, dvalue: float | Array = 1.0) -> Array:
        """Return the gradient with respect to the scores, times dvalue."""

    def __call__(self, scores: Array, targets: npt.ArrayLike) -> float | Array:
        """Return the loss alone."""
        return self.forward(scores, targets)[0]


class CrossEntropyLoss(Loss[CrossEntropyCache]):
    """Softmax and negative log-likelihood; `torch.nn.CrossEntropyLoss`.

    Args:
        weight: (C,) factors of the classes, or None for ones; converted to the scores' dtype.
        label_smoothing: 0 to 1, the part of the target's probability spread over all classes.
        reduction: "mean" (divided by the sum of the targets' weights), "sum" or "none".

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
    ) -> None:
        name = "CrossEntropyLoss"
        self.weight = _class_weights(name, weight)
        self.label_smoothing = real(name, "label_smoothing", label_smoothing, 0, 1)
        self.reduction = check_reduction(name, reduction)

    def forward(self, scores: Array, targets: npt.ArrayLike) -> Forward[CrossEntropyCache]:
        """Args and Raises: see `cnnlite.functional.cross_entropy_forward`."""
        weight = _weight_like("CrossEntropyLoss", self.weight, scores)
        return functional.cross_entropy_forward(
            scores, targets, weight, self.label_smoothing, self.reduction
        )

    def backward(self, cache: CrossEntropyCache, dvalue: float | Array = 1.0) -> Array:
        """Return dscores (N, C)."""
        return functional.cross_entropy_backward(cache, dvalue)


class FocalLoss(Loss[FocalLossCache]):
    """Cross entropy in which examples that are classified well count little.

    With gamma=0 it is CrossEntropyLoss.

    Args:
        gamma: the focusing parameter, from 0 up.
        weight: (C,) factors of the classes, or None for ones; converted to the scores' dtype.
            For imbalanced classes see `class_balanced_weight`.
        reduction: "mean" (divided by the sum of the targets' weights), "sum" or "none".

    Raises:
        TypeError, ValueError: an argument is out of range.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017.
    """

    def __init__(
        self, gamma: float = 2.0, weight: npt.ArrayLike | None = None, reduction: str = "mean"
    ) -> None:
        self.gamma = real("FocalLoss", "gamma", gamma, 0)
        self.weight = _class_weights("FocalLoss", weight)
        self.reduction = check_reduction("FocalLoss", reduction)

    def forward(self, scores: Array, targets: npt.ArrayLike) -> Forward[FocalLossCache]:
        """Args and Raises: see `cnnlite.functional.focal_loss_forward`."""
        weight = _weight_like("FocalLoss", self.weight, scores)
        return functional.focal_loss_forward(scores, targets, self.gamma, weight, self.reduction)

    def backward(self, cache: FocalLossCache, dvalue: float | Array = 1.0) -> Array:
        """Return dscores (N, C)."""
        return functional.focal_loss_backward(cache, dvalue)


class HingeLoss(Loss[HingeLossCache]):
    """Multiclass SVM loss: every wrong class should score a margin less than the right one.

    Args:
        margin: how much the right class must lead.
        reduction: "mean" over the batch, "sum" or "none".

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        self.margin = real("HingeLoss", "margin", margin)
        self.reduction = check_reduction("HingeLoss", reduction)

    def forward(self, scores: Array, targets: npt.ArrayLike) -> Forward[HingeLossCache]:
        """Args and Raises: see `cnnlite.functional.hinge_loss_forward`."""
        return functional.hinge_loss_forward(scores, targets, self.margin, self.reduction)

    def backward(self, cache: HingeLossCache, dvalue: float | Array = 1.0) -> Array:
        """Return dscores (N, C)."""
        return functional.hinge_loss_backward(cache, dvalue)


class MSELoss(Loss[MSELossCache]):
    """Mean squared error; `torch.nn.MSELoss`.

    Args:
        reduction: "mean" over all elements, "sum" or "none".

    Raises:
        ValueError: another reduction.
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = check_reduction("MSELoss", reduction)

    def forward(self, scores: Array, targets: npt.ArrayLike) -> Forward[MSELossCache]:
        """Args and Raises: see `cnnlite.functional.mse_loss_forward`."""
        wanted = as_array("MSELoss", "targets", targets)
        return functional.mse_loss_forward(scores, wanted, self.reduction)

    def backward(self, cache: MSELossCache, dvalue: float | Array = 1.0) -> Array:
        """Return dscores like the scores."""
        return functional.mse_loss_backward(cache, dvalue)


def _class_weights(name: str, weight: npt.ArrayLike | None) -> Array | None:
    if weight is None:
        return None
    return real_array(name, "weight", weight, "a number for each class")


def class_balanced_weight(counts: npt.ArrayLike, beta: float = 0.9999) -> Array:
    """Return the classes' weights that make up for imbalance, for the `weight` of a loss.

    Of n images of a class, E(n) = (1 - beta^n) / (1 - beta) count as different; a class's weight is
    inverse to that.  beta = 0 weighs all classes alike, and beta -> 1 inversely to their numbers of
    images.

    Args:
        counts: (C,) images of each class, at least 1.
        beta: from 0 to below 1; the paper takes 0.9 to 0.9999, one for each data set.

    Returns:
        (C,) float64, their sum is C.

    Raises:
        TypeError: beta or counts are not numbers.
        ValueError: beta is out of range, or a class has no images.

    Source: Cui et al., "Class-balanced loss based on effective number of samples", CVPR 2019,
    equations 2 and 12.
    """
    name = "class_balanced_weight"
    n = real_array(name, "counts", counts, "a number from 1 up for each class")
    beta = real(name, "beta", beta, 0, 1, open_high=True)
    if not n.size or not (n >= 1).all():
        raise ValueError(
            f"{name}: counts is {shown(counts)}, expected a number from 1 up for each class"
        )
    # expm1, because 1 - beta^n cancels where beta^n is nearly 1.
    effective = np.ones_like(n) if beta == 0 else -np.expm1(n * np.log(beta)) / (1 - beta)
    weight = 1 / effective
    return weight * (len(n) / weight.sum())


def _weight_like(name: str, weight: Array | None, scores: Array) -> Array | None:
    """Return the classes' weights in the scores' dtype.

    They stay as they are for scores that are not floats, which `functional` refuses.
    """
    dtype = getattr(scores, "dtype", np.dtype(np.float64))
    if weight is None or dtype.kind != "f":
        return weight
    return converted(name, "weight", weight, like=np.empty(weight.shape, dtype))
