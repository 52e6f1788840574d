"""Losses of each score by itself: what they share."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from cnnlite import functional
from cnnlite.functional.losses import ElementwiseLossCache
from cnnlite.losses.base import Array, Loss, like_scores


class ElementwiseLoss(Loss[ElementwiseLossCache]):
    """One whose operation takes targets of the scores' shape; they get the scores' dtype."""

    operation: str
    reduction: str

    def settings(self, scores: Array) -> dict[str, Any]:
        """Return what the operation is called with besides scores, targets and reduction."""
        return {}

    def forward(
        self, scores: Array, targets: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> tuple[float | Array, ElementwiseLossCache]:
        """Args and Raises: see the operation in `cnnlite.functional`.

        Floating-point targets are converted to the scores' dtype.
        """
        operation = getattr(functional, f"{self.operation}_forward")
        wanted = like_scores(type(self).__name__, "targets", targets, scores)
        result: tuple[float | Array, ElementwiseLossCache] = operation(
            scores, wanted, reduction=self.reduction, sample_weight=sample_weight,
            **self.settings(scores),
        )  # fmt: skip
        return result

    def backward(self, cache: ElementwiseLossCache, dvalue: float | Array = 1.0) -> Array:
        """Return dscores like the scores."""
        dscores: Array = getattr(functional, f"{self.operation}_backward")(cache, dvalue)
        return dscores
