"""Scores, predictions and accuracy, batch by batch: memory does not grow with the data set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.data import Normalization, batches
from cnnlite.data.ahead import in_batches, read_ahead
from cnnlite.data.mapped import reading
from cnnlite.data.stored import stored
from cnnlite.data.views import views
from cnnlite.freezing import freeze
from cnnlite.layers import Layer
from cnnlite.layers.base import dtype_of


def model_dtype(model: Layer) -> np.dtype:
    """Return the dtype that a model computes in: of its parameters or statistics, else float32."""
    return dtype_of(model)


def scores_of_batches(
    model: Layer,
    X: np.ndarray,
    normalization: Normalization | None = None,
    batch_size: int = 128,
    index: np.ndarray | None = None,
    tta: str = "none",
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the scores of one batch after the other, as in inference.

    The model is frozen first, so scores have the bits of `cnnlite.freeze(model)`, always.

    Args:
        model: any layer.
        X: images, uint8 or floating point (N, C, H, W), or features (N, D).
        normalization: applied to uint8 images.
        batch_size: images at a time.
        index: which images, integers (M,); None means all.
        tta: test-time augmentation, the mean over several views of an image: "none", "mirror" or
            "translate" (see `cnnlite.data.views`).

    Yields:
        The batch's positions in X, and its scores, (batch, classes).
    """
    dtype, X = model_dtype(model), stored("evaluation", "X", X)
    frozen = freeze(model)
    order = np.arange(len(X)) if index is None else index
    for where in read_ahead(X, in_batches(order, batch_size)):
        if tta == "none":
            yield where, frozen(batches.gather(X, where, normalization, dtype))
            continue
        reading(X, len(where), scattered=True)
        places = np.arange(len(where))
        mean: Any = 0
        for share, images in views(X[where], tta):
            mean = mean + frozen(batches.gather(images, places, normalization, dtype)) * share
        yield where, mean


def predictions(scores: np.ndarray) -> npt.NDArray[np.int64]:
    """Return the class of the highest score; -1, which is no class, where scores are not finite.

    A network that overflows gives NaN for every class, and argmax would call that class 0.

    Args:
        scores: (N, classes).

    Returns:
        int64 (N,).
    """
    found = scores.argmax(axis=1)
    return np.where(np.isfinite(scores).all(axis=1), found, -1)


def correct(scores: np.ndarray, y: np.ndarray) -> npt.NDArray[np.bool_]:
    """Return for each example whether the highest score is that of its label.

    Args:
        scores: (N, classes); not finite, they are wrong answers (see `predictions`).
        y: labels (N,), or targets (N, classes), of which the largest counts. Where there is one
            column only, a score above 0 says yes, and a target above 1/2.

    Returns:
        bool (N,).
    """
    found = predictions(scores)
    if y.ndim == 1:
        return found == y
    if y.shape[1] > 1:
        return found == y.argmax(axis=1)
    return (found == 0) & ((scores[:, 0] > 0) == (y[:, 0] > 0.5))


def accuracy(
    model: Layer,
    X: np.ndarray,
    y: npt.NDArray[np.integer],
    normalization: Normalization | None = None,
    batch_size: int = 128,
    index: np.ndarray | None = None,
    after_batch: Callable[[], None] | None = None,
    tta: str = "none",
) -> float:
    """Return the share of images whose highest score is that of their label (see `correct`).

    Args:
        model, X, normalization, batch_size, index, tta: see `scores_of_batches`.
        y: labels (N,) or targets (N, classes), of all X.
        after_batch: called after each batch; what it raises ends the evaluation.

    Raises:
        ValueError: there are no images.
    """
    return accuracy_and_loss(model, X, y, None, normalization, batch_size, index, after_batch, tta)[
        0
    ]


def accuracy_and_loss(
    model: Layer,
    X: np.ndarray,
    y: npt.NDArray[np.integer],
    loss: Any,
    normalization: Normalization | None = None,
    batch_size: int = 128,
    index: np.ndarray | None = None,
    after_batch: Callable[[], None] | None = None,
    tta: str = "none",
) -> tuple[float, float]:
    """Return the accuracy, and the mean of the batches' losses, weighted by their images.

    Args:
        model, X, y, normalization, batch_size, index, after_batch, tta: see `accuracy`.
        loss: None leaves it out: it is then 0.

    Raises:
        ValueError: there are no images.
    """
    results = batch_results(model, X, y, loss, normalization, batch_size, index, after_batch, tta)
    try:
        return mean_of_results(results)
    except ZeroDivisionError:
        raise ValueError(f"accuracy: there are no images, X has the shape {X.shape}") from None


def batch_results(
    model: Layer,
    X: np.ndarray,
    y: npt.NDArray[np.integer],
    loss: Any,
    normalization: Normalization | None,
    batch_size: int,
    index: np.ndarray | None,
    after_batch: Callable[[], None] | None,
    tta: str = "none",
    parts: int = 1,
) -> Iterator[tuple[int, int, float]]:
    """Yield of each batch how many images are right, how many there are, and their summed loss.

    The arguments are those of `accuracy_and_loss`, and:

    Args:
        parts: a batch is scored in so many parts, one after the other; they divide batch_size.
    """
    scored = scores_of_batches(model, X, normalization, batch_size // parts, index, tta)
    while several := list(itertools.islice(scored, parts)):
        where, scores = (np.concatenate(each) for each in zip(*several, strict=True))
        right, summed = int(np.count_nonzero(correct(scores, y[where]))), 0.0
        if loss is not None:
            summed = len(where) * float(loss.forward(scores, y[where])[0])
        yield right, len(where), summed
        if after_batch is not None:
            after_batch()


def mean_of_results(results: Iterable[Sequence[float]]) -> tuple[float, float]:
    """Return the accuracy and the mean loss of all batches, which come in their order.

    Raises:
        ZeroDivisionError: there are none.
    """
    right, seen, total = 0.0, 0.0, 0.0
    for batch_right, batch_seen, summed in results:
        right += batch_right
        seen += batch_seen
        total += summed
    return right / seen, total / seen


def not_finite(arrays: Mapping[str, np.ndarray]) -> str | None:
    """Return the name of the first array that holds NaN or infinity; None if all are finite."""
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return name
    return None
