"""Losses that call a pair of `cnnlite.functional`: what they share."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy.typing as npt

from cnnlite import functional
from cnnlite.losses.base import Array, Loss

_Cache = TypeVar("_Cache")


class PairLoss(Loss[_Cache]):
    """A loss that says which pair it calls, and with which settings."""

    operation: str  # the pair's name, without _forward and _backward
    reduction: str

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return what the operation is called with besides scores, targets and reduction."""
        return {}

    def targets(self, targets: npt.ArrayLike, scores: Array) -> npt.ArrayLike:
        """Return the targets as the operation takes them."""
        return targets

    def forward(
        self, scores: Array, targets: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> tuple[float | Array, _Cache]:
        """Args and Raises: see the operation in `cnnlite.functional`.

        Targets that are floats of the scores' shape, and weights, are converted to their dtype.
        """
        operation = getattr(functional, f"{self.operation}_forward")
        result: tuple[float | Array, _Cache] = operation(
            scores, self.targets(targets, scores), reduction=self.reduction,
            sample_weight=sample_weight, **self.settings(scores),
        )  # fmt: skip
        return result

    def backward(self, cache: _Cache, dvalue: float | Array = 1.0) -> Array:
        """Return dscores like the scores."""
        dscores: Array = getattr(functional, f"{self.operation}_backward")(cache, dvalue)
        return dscores
