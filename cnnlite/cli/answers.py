"""What a trained network says of images, as probabilities."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cnnlite.data import Normalization
from cnnlite.evaluation import scores_of_batches
from cnnlite.layers import Layer


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities (..., classes) from scores (..., classes), in double precision.

    Scores that are not finite give NaN for every class.
    """
    finite = np.isfinite(scores).all(axis=-1, keepdims=True)
    doubles = np.where(finite, scores, np.nan).astype(np.float64)
    shifted = np.exp(doubles - doubles.max(axis=-1, keepdims=True))
    total: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return total


def probabilities(
    model: Layer, images: np.ndarray, normalization: Normalization | None, mirror: bool = False
) -> Iterator[tuple[NDArray[np.integer], NDArray[np.float64]]]:
    """Yield what a network says of one batch of images after the other.

    Args:
        model: a trained network.
        images: (N, C, H, W).
        normalization: the run's.
        mirror: take the mean over each image and its mirror image.

    Yields:
        The positions of the batch's images, and their probabilities (batch, classes): NaN where
        scores are not finite.
    """
    for where, scores in scores_of_batches(model, images, normalization):
        found = softmax(scores)
        if mirror:
            mirrored = np.ascontiguousarray(images[where[0] : where[-1] + 1, ..., ::-1])
            _, scores = next(scores_of_batches(model, mirrored, normalization, len(mirrored)))
            found = (found + softmax(scores)) / 2
        yield where, found
