"""A loss, seen as a layer."""

import copy
import inspect
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.gradcheck.numeric import Array


class LossLayer:
    """A loss with its targets, seen as a layer whose output is the loss.

    Args:
        loss: has forward and backward.
        targets: what its forward takes.
        batch: number of examples that the targets belong to.

    Attributes:
        scales: whether backward takes dvalue; if not, it has the gradient for 1 alone.
        changed_targets: whether forward or backward has written into what it was given.
    """

    def __init__(self, loss: Any, targets: Any, batch: int) -> None:
        for method in ("forward", "backward"):
            if not callable(getattr(loss, method, None)):
                raise TypeError(f"{type(loss).__name__} has no method {method}")
        self.loss, self.targets, self.batch = loss, targets, batch
        self.scales = "dvalue" in inspect.signature(loss.backward).parameters
        self.changed_targets = False

    def forward(self, x: Array) -> tuple[npt.ArrayLike, Any]:
        """Return (value, cache)."""
        targets = self.targets
        if len(x) != self.batch:
            targets = np.asarray(targets)[np.arange(len(x)) % self.batch]
        given = copy.deepcopy(targets)
        result = self.loss.forward(x, given)
        self._look(given, targets)
        if not isinstance(result, tuple) or len(result) != 2:
            return result  # an error, which the subject words
        return result[0], (result[1], given, targets)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        """Return (dscores, no parameters' gradients)."""
        inner, given, targets = cache
        options = {"dvalue": dy if dy.ndim else float(dy)} if self.scales else {}
        dscores = self.loss.backward(inner, **options)
        self._look(given, targets)
        return dscores, {}

    def _look(self, given: Any, targets: Any) -> None:
        self.changed_targets |= not np.array_equal(np.asarray(given), np.asarray(targets))
