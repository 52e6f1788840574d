"""The course's losses: value and gradient in one call."""

from __future__ import annotations

from typing import Any

from cnnlite.checks.arrays import Array
from cnnlite.compat.promotion import promoted
from cnnlite.functional import (
    cross_entropy_backward,
    cross_entropy_forward,
    hinge_loss_backward,
    hinge_loss_forward,
)

__all__ = ["softmax_loss", "svm_loss"]


def softmax_loss(x: Any, y: Any) -> tuple[float, Array]:
    """Return the mean softmax cross-entropy and its gradient with respect to the scores.

    Args:
        x: scores (N, C).
        y: the right classes (N,), integers from 0 to C - 1.

    Raises:
        TypeError, ValueError: scores or classes are not what is said above.
    """
    (scores,) = promoted("softmax_loss", x=x)
    loss, cache = cross_entropy_forward(scores, y)
    return float(loss), cross_entropy_backward(cache)


def svm_loss(x: Any, y: Any) -> tuple[float, Array]:
    """Return the mean multiclass SVM loss, margin 1, and its gradient; otherwise `softmax_loss`."""
    (scores,) = promoted("svm_loss", x=x)
    loss, cache = hinge_loss_forward(scores, y)
    return float(loss), hinge_loss_backward(cache)
