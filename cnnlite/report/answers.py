"""What a trained network says of images, as probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnlite.data import Normalization
from cnnlite.evaluation import scores_of_batches
from cnnlite.layers import Layer

__all__ = ["Answers", "ask", "probabilities", "softmax"]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says of images whose classes are known.

    Attributes:
        part: which images: "train", "val" or "test".
        labels: their classes, integers (N,).
        predicted: what they are taken for, integers (N,); -1 where scores are not finite.
        probabilities: float64 (N, classes); NaN where scores are not finite.
        images: (N, C, H, W), or features (N, D).
        index: which images of the part they are, integers (N,).
        names: the file of each, or None.
    """

    part: str
    labels: NDArray[np.integer]
    predicted: NDArray[np.integer]
    probabilities: NDArray[np.float64]
    images: np.ndarray
    index: NDArray[np.integer]
    names: Sequence[str] | None = None

    @property
    def pictures(self) -> NDArray[np.uint8] | None:
        """The images, if they are pictures: uint8 (N, C, H, W)."""
        return self.images if self.images.ndim == 4 and self.images.dtype == np.uint8 else None

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of what was said, (N,); NaN where nothing was."""
        found: NDArray[np.float64] = self.probabilities.max(axis=1)
        return found

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which images are taken for what they are, (N,)."""
        return self.predicted == self.labels

    @property
    def accuracy(self) -> float:
        """The share of the images that are right."""
        return float(self.right.mean())

    @property
    def mistakes(self) -> NDArray[np.integer]:
        """The images that are taken for another class, the most confident mistakes first."""
        wrong = np.flatnonzero(~self.right & (self.predicted >= 0))
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]

    def name(self, image: int) -> str:
        """Return the file of an image, or its number in the part."""
        return str(self.index[image]) if self.names is None else self.names[image]


def ask(
    model: Layer,
    images: np.ndarray,
    labels: NDArray[np.integer],
    part: str,
    normalization: Normalization | None = None,
    *,
    names: Sequence[str] | None = None,
    tta: str = "none",
    most: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Answers:
    """Ask a network for the classes of images.

    Args:
        model: a trained network.
        images: (N, C, H, W), or features (N, D).
        labels: their classes, integers (N,).
        part: which images they are.
        normalization: the run's.
        names: their files, if they have any.
        tta: views whose mean is taken (see `probabilities`).
        most: ask of so many images only, evenly chosen.
        progress: called with the number of images that are done.
    """
    index = np.arange(len(labels))
    if most is not None and most < len(labels):
        index = np.linspace(0, len(labels) - 1, most).round().astype(np.int64)
        images, labels = images[index], labels[index]
    found = []
    for where, batch in probabilities(model, images, normalization, tta=tta):
        found.append(batch)
        progress(int(where[-1]) + 1)
    chances = np.concatenate(found)
    known = np.isfinite(chances).all(axis=1)
    return Answers(
        part=part,
        labels=labels,
        predicted=np.where(known, np.nan_to_num(chances).argmax(axis=1), -1),
        probabilities=chances,
        images=images,
        index=index,
        names=None if names is None else [names[i] for i in index.tolist()],
    )


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
    model: Layer,
    images: np.ndarray,
    normalization: Normalization | None,
    mirror: bool = False,
    tta: str = "none",
) -> Iterator[tuple[NDArray[np.integer], NDArray[np.float64]]]:
    """Yield what a network says of one batch of images after the other.

    Args:
        model: a trained network.
        images: (N, C, H, W).
        normalization: the run's.
        mirror: the same as tta="mirror".
        tta: views of an image over whose scores the mean is taken: "none", "mirror" or
            "translate" (see `cnnlite.data.views`).

    Yields:
        The positions of the batch's images, and their probabilities (batch, classes): NaN where
        scores are not finite.
    """
    tta = "mirror" if mirror and tta == "none" else tta
    for where, scores in scores_of_batches(model, images, normalization, tta=tta):
        yield where, softmax(scores)
