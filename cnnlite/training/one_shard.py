"""One shard of a batch: its passes, and what they give."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from cnnlite.layers import Layer
from cnnlite.layers.ready import Ready, listening
from cnnlite.random import Rng
from cnnlite.training.evaluation import correct

__all__ = ["Work", "shares_of"]

Arrays = Mapping[str, np.ndarray]


class Work:
    """A shard, its passes, and what they give.

    Attributes:
        number: of the shard.
        loss: its part of the batch's loss.
        right: how many of its images have the highest score for their label.
        grads: its part of the batch's gradients.
    """

    def __init__(
        self, model: Layer, loss: Any, x: Any, y: np.ndarray, number: int, part: slice,
        share: float, place: Rng | None,
    ) -> None:  # fmt: skip
        self.number, self.loss, self.right = number, 0.0, 0
        self.grads: Mapping[str, np.ndarray | None] = {}
        self._model, self._criterion, self._x, self._y = model, loss, x, y
        self._part, self._share = part, share
        self._weight = (part.stop - part.start) / max(1, len(y))
        self._place = place and place.child(f"shard {number}")
        self._moves: Arrays | None = None  # by which it moves the buffers, once it has run

    def run(self) -> None:
        """Go forward and backward, as one of several shards that run together."""
        self._run(nullcontext(), lambda moves: None)

    def finish(self, ready: Ready, moved: Callable[[Arrays], None]) -> None:
        """Go forward and backward unless that is done.

        Args:
            ready: what is told of gradients on the way, as `layers.ready.listening` does.
            moved: is given the moves of the buffers.
        """
        if self._moves is not None:
            moved(self._moves)
        elif self._part.start == self._part.stop:
            moved({})
        else:
            self._run(listening(ready), moved)

    def _run(self, context: Any, moved: Callable[[Arrays], None]) -> None:
        model, loss = self._model, self._criterion
        before = {key: array.copy() for key, array in model.buffers.items()}
        y = self._y[self._part]
        scores, cache = model.forward(self._x[self._part], train=True, rng=self._place)
        self._moves = {}
        for key, array in model.buffers.items():
            change = array.astype(np.float64) - before[key].astype(np.float64)
            self._moves[key] = np.asarray(change * self._weight)
            array[...] = before[key]
        moved(self._moves)
        if loss is None:
            return
        value, loss_cache = loss.forward(scores, y)
        dscores = loss.backward(loss_cache)
        if self._share:
            self.loss = float(value) * self._share
            dscores = dscores * dscores.dtype.type(self._share)
        else:  # nothing in it counts, and its mean would be NaN
            dscores = np.zeros_like(dscores)
        self.right = int(np.count_nonzero(correct(scores, y)))
        del scores
        with context:
            _, self.grads = model.backward(dscores, cache, need_dx=False)


def shares_of(loss: Any, targets: list[np.ndarray]) -> list[float]:
    """Return what the shards' losses are multiplied with, so that their sum is the batch's."""
    divisor = getattr(loss, "divisor", None) or _divisor_of(loss)
    divisors = [divisor(part) for part in targets]
    counted = [each for each in divisors if each is not None]
    if len(counted) < len(divisors):  # a sum
        return [1.0] * len(targets)
    whole = math.fsum(counted)
    return [each / whole if whole else math.nan for each in counted]


def _divisor_of(loss: Any) -> Callable[[np.ndarray], float | None]:
    """Return `Loss.divisor` for a loss that does not derive from Loss."""
    is_sum = getattr(loss, "reduction", "") == "sum"
    return lambda targets: None if is_sum else float(len(targets))
