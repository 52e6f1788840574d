"""Weights of classes of which there are few examples, or many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cnnlite import portable
from cnnlite.checks.arrays import real_array
from cnnlite.checks.numbers import real, shown
from cnnlite.functional.elementary import expm1
from cnnlite.losses.base import Array

__all__ = ["class_balanced_weight"]


def class_balanced_weight(counts: npt.ArrayLike, beta: float = 0.9999) -> Array:
    """Return the classes' weights that make up for imbalance, for the `weight` of a loss.

    n images of a class hold no more than E(n) = (1 - beta^n) / (1 - beta) that differ from each
    other; a class's weight is inverse to that.  beta = 0 weighs all classes alike, and beta -> 1
    inversely to their numbers of images.

    Args:
        counts: (C,) images of each class, at least 1.
        beta: from 0 to below 1; the paper takes 0.9 to 0.9999, one for each data set.

    Returns:
        (C,) float64, their sum is C.

    Raises:
        TypeError: beta or counts are no numbers.
        ValueError: beta is out of range, or a class has no images.

    Source: Cui et al., "Class-balanced loss based on effective number of samples", CVPR 2019,
    equations 2 and 12.
    """
    name = "class_balanced_weight"
    n = real_array(name, "counts", counts, "a number from 1 up for each class")
    beta = real(name, "beta", beta, 0, 1, open_high=True)
    if not n.size or not (n >= 1).all():
        raise ValueError(
            f"{name}: counts is {shown(counts)}, expected a number from 1 up for each class"
        )
    # 1 - beta^n without the digits that 1 and beta^n, nearly 1, have in common.
    effective = np.ones_like(n) if beta == 0 else -expm1(n * portable.log(beta)) / (1 - beta)
    weight = 1 / effective
    return weight * (len(n) / weight.sum())
