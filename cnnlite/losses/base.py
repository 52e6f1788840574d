"""What a loss must have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import as_array, converted, real_array
from cnnlite.debug_caches import debug_caches, guard_class

__all__ = ["Loss"]

Array = npt.NDArray[np.floating[Any]]
_Cache = TypeVar("_Cache")


class Loss(ABC, Generic[_Cache]):
    """What a loss must have: `forward` and `backward`; calling it gives the value alone."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if debug_caches:
            guard_class(cls)

    @abstractmethod
    def forward(
        self,
        scores: Array,
        targets: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> tuple[float | Array, _Cache]:
        """Return the loss and what backward needs.

        Args:
            scores: what the network gave, (N, C) or (N, C, d1, ...).
            targets: what it should have given.
            sample_weight: (N,) factors of the samples' losses, or None for ones; a loss of one's
                own need not have it. With reduction "mean" they count in the divisor too: a weight
                of 2 is the same as the sample standing twice in the batch.

        Returns:
            the loss, a float (an array for reduction "none"), and the cache.
        """

    @abstractmethod
    def backward(self, cache: _Cache, dvalue: float | Array = 1.0) -> Array:
        """Return the gradient with respect to the scores, times dvalue."""

    def divisor(self, targets: npt.NDArray[Any]) -> float | None:
        """Return what a mean over these targets is divided by, up to a constant; None for a sum.

        Solver weighs the shards of a batch by it.
        """
        return None if getattr(self, "reduction", "") == "sum" else float(len(targets))

    def __call__(
        self,
        scores: Array,
        targets: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> float | Array:
        """Return the loss alone."""
        if sample_weight is None:
            return self.forward(scores, targets)[0]
        return self.forward(scores, targets, sample_weight)[0]


def class_weights(name: str, weight: npt.ArrayLike | None) -> Array | None:
    """Return a loss's weights of the classes as float64 (C,), or None."""
    if weight is None:
        return None
    return real_array(name, "weight", weight, "a number for each class")


def like_scores(name: str, argument: str, value: Any, scores: Array) -> Any:
    """Return floats in the scores' dtype, and what is none as an array.

    Of scores that are no floats `functional` complains.
    """
    if value is None:
        return None
    array, dtype = as_array(name, argument, value), getattr(scores, "dtype", np.dtype(np.float64))
    if array.dtype.kind != "f" or dtype.kind != "f" or array.dtype == dtype:
        return array
    return converted(name, argument, array, like=np.empty(array.shape, dtype))
