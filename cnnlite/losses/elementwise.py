"""Losses of each score by itself: what they share."""

from __future__ import annotations

import numpy.typing as npt

from cnnlite.functional.losses import ElementwiseLossCache
from cnnlite.losses.base import Array, like_scores
from cnnlite.losses.pair import PairLoss


class ElementwiseLoss(PairLoss[ElementwiseLossCache]):
    """One whose operation takes targets of the scores' shape; they get the scores' dtype."""

    def targets(self, targets: npt.ArrayLike, scores: Array) -> npt.ArrayLike:
        """Return the targets in the scores' dtype."""
        return like_scores(type(self).__name__, "targets", targets, scores)
