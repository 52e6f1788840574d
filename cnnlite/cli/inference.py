"""Scores of a trained network for uint8 images, in batches."""

import numpy as np
from numpy.typing import NDArray

from cnnlite.data import Normalization, batches
from cnnlite.layers import Layer


def scores(
    model: Layer,
    images: NDArray[np.uint8],
    normalization: Normalization | None,
    batch_size: int = 500,
) -> NDArray[np.floating]:
    """Return a network's scores.

    Args:
        model: a network for images of this shape.
        images: (N, C, H, W) uint8.
        normalization: what the network was trained with.
        batch_size: images at a time; changes memory use only.

    Returns:
        (N, classes) scores.
    """
    parts = []
    for start in range(0, len(images), batch_size):
        index = np.arange(start, min(start + batch_size, len(images)))
        parts.append(model(batches.gather(images, index, normalization, np.float32)))
    return np.concatenate(parts)


def probabilities(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Softmax over the last axis, in double precision."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True), dtype=np.float64)
    total: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return total
