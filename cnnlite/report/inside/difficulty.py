"""The hardest and the easiest images: those with the largest and the smallest loss."""

from __future__ import annotations

import numpy as np

__all__ = ["easiest", "hardest", "losses"]


def losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each image, float64 (N,): -log of its class's probability.

    It is infinite where the probability is 0, or NaN, as of scores that are not finite.

    Args:
        labels: classes, integers (N,).
        probabilities: (N, classes).
    """
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    with np.errstate(divide="ignore"):
        return -np.log(np.where(np.isnan(own), 0, own))


def hardest(labels: np.ndarray, probabilities: np.ndarray, number: int) -> np.ndarray:
    """Return the images (their positions) with the largest losses, the largest first."""
    return np.argsort(-losses(labels, probabilities), kind="stable")[:number]


def easiest(labels: np.ndarray, probabilities: np.ndarray, number: int) -> np.ndarray:
    """Return the images (their positions) with the smallest losses, the smallest first."""
    return np.argsort(losses(labels, probabilities), kind="stable")[:number]
