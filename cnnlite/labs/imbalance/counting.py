"""Imbalanced classes: how many images each has, how many they are worth, and the confusion matrix.

Theorem (effective number).  Let each image of a class show one of N things, drawn uniformly.  Then
n images show E(n) = (1 - beta^n) / (1 - beta) different things on average, with
beta = (N - 1) / N.

Proof.  A thing is missed by all n images with probability beta^n, so of N things
N (1 - beta^n) = E(n) are seen, as N = 1 / (1 - beta).

Source: Cui et al., "Class-balanced loss based on effective number of samples", CVPR 2019,
section 3.
"""

import math

import numpy as np
import numpy.typing as npt

from cnnlite.data import Dataset

Labels = npt.NDArray[np.integer]


def long_tail(largest: int, classes: int, factor: float) -> Labels:
    """Return how many images each class keeps: exponentially fewer from class to class.

    Args:
        largest: images of the first class.
        classes: how many there are.
        factor: the imbalance factor: the first class's images for each one of the last class's.

    Returns:
        (classes,) largest * factor^(-i / (classes - 1)), rounded, at least 1.
    """
    shares = factor ** (-np.arange(classes) / max(1, classes - 1))
    return np.maximum(1, np.round(largest * shares)).astype(np.int64)


def imbalanced(data: Dataset, factor: float) -> Dataset:
    """Keep the first images of each class, as many as `long_tail` says; validation stays as it is.

    Args:
        data: a data set whose classes have about equally many training images.
        factor: the imbalance factor.
    """
    y, classes = data["y_train"], len(data.class_names)
    counts = long_tail(int(np.bincount(y).min()), classes, factor)
    kept = np.sort(np.concatenate([np.flatnonzero(y == c)[: counts[c]] for c in range(classes)]))
    arrays = {**data, "X_train": data["X_train"][kept], "y_train": y[kept]}
    return Dataset(arrays, data.class_names, data.normalization, f"{data.name}, 1 to {factor:g}")


def effective_number(n: float, beta: float) -> float:
    """Return E(n) = 1 + beta + ... + beta^(n-1)."""
    return n if beta == 1 else -math.expm1(n * math.log(beta)) / (1 - beta)


def covered(n: int, things: int, runs: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n things uniformly, and return how many different ones there were, (runs,)."""
    drawn = np.sort(rng.integers(0, things, (runs, n)), axis=1)
    return 1 + (drawn[:, 1:] != drawn[:, :-1]).sum(axis=1)


def confusion(truth: Labels, found: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Return the confusion matrix: images of class i (rows) that were taken for class j (columns).

    Args:
        truth, found: (N,) labels.
        classes: how many there are.

    Raises:
        ValueError: a label is not a class, as for an image whose scores are not finite.
    """
    for name, labels in (("truth", truth), ("found", found)):
        wrong = np.flatnonzero((labels < 0) | (labels >= classes))
        if len(wrong):
            raise ValueError(
                f"confusion: {name}[{wrong[0]}] is {labels[wrong[0]]}, expected 0 to {classes - 1}"
            )
    return np.bincount(truth * classes + found, minlength=classes**2).reshape(classes, classes)


def class_accuracy(matrix: npt.NDArray[np.int64]) -> np.ndarray:
    """Return each class's accuracy, the diagonal of the rows' shares; NaN without images."""
    with np.errstate(invalid="ignore"):
        return np.diag(matrix) / matrix.sum(axis=1)
