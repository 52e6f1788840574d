"""The course's softmax_ce.py."""

from __future__ import annotations

from typing import Any

from cnnlite.checks.arrays import Array
from cnnlite.compat.cs7643.greeting import greeter
from cnnlite.compat.cs7643.modules.module import Module
from cnnlite.compat.promotion import promoted
from cnnlite.functional import cross_entropy_backward, cross_entropy_forward

__all__ = ["SoftmaxCrossEntropy", "hello_do_you_copy"]

hello_do_you_copy = greeter("softmax_ce.py")


class SoftmaxCrossEntropy(Module):
    """The mean softmax cross-entropy; dx, the gradient of the scores, is there after `backward`."""

    def forward(self, x: Any, y: Any) -> tuple[Array, float]:
        """Return the classes' probabilities (N, C), and the loss.

        Args:
            x: scores (N, C).
            y: the right classes (N,), integers from 0 to C - 1.

        Raises:
            TypeError, ValueError: scores or classes are not what is said above.
        """
        (scores,) = promoted("SoftmaxCrossEntropy", x=x)
        loss, self.cache = cross_entropy_forward(scores, y)
        return self.cache.probabilities, float(loss)

    def backward(self) -> None:
        """Set dx.

        Raises:
            RuntimeError: there was no forward before.
        """
        self.dx = cross_entropy_backward(self.taken())
