"""Divides training images into those that train and those that validate, class by class."""

import warnings
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cnnlite.checks.numbers import integer, real
from cnnlite.data._hash import hash64

__all__ = ["check_division", "validates", "warn_of_unvalidated"]

NAMED = 5  # classes, in a warning


def check_division(function: str, val: object, seed: object) -> tuple[float, int]:
    """Return the share that validates, above 0 and below 1, and the seed, checked."""
    share = real(function, "val", val, 0, 1, open_low=True, open_high=True)
    return share, integer(function, "seed", seed)


def validates(labels: NDArray[np.integer], val: float, seed: int) -> NDArray[np.bool_]:
    """Choose the images that validate: the same share of each class.

    Args:
        labels: integers (N,).
        val: the share. Of a class of two or more at least one validates, and at least one trains;
            a single one trains.
        seed: which.

    Returns:
        bool (N,), the same on every machine.
    """
    chosen = np.zeros(len(labels), bool)
    by_class = np.argsort(labels, kind="stable")
    classes = np.arange(int(labels.max(initial=-1)) + 2)
    bounds = np.searchsorted(labels[by_class], classes).tolist()
    for label, (start, end) in enumerate(pairwise(bounds)):
        number = max(0, min(max(1, round(val * (end - start))), end - start - 1))
        order = np.argsort(hash64(seed, label, np.arange(end - start)), kind="stable")
        chosen[by_class[start + order[:number]]] = True
    return chosen


def warn_of_unvalidated(place: str, class_names: Sequence[str], y_val: NDArray[np.integer]) -> None:
    """Warn of the classes of which `validates` has chosen no image: they have only one.

    Args:
        place: of the data, for the warning.
        class_names: of each label.
        y_val: labels (N,) of the images that validate.
    """
    counts = np.bincount(y_val, minlength=len(class_names))
    lacking = [class_names[label] for label in np.flatnonzero(counts == 0).tolist()]
    if not lacking:
        return
    named = ", ".join(lacking[:NAMED])
    more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
    which = f"the class {named}" if len(lacking) == 1 else f"the classes {named}{more}"
    why = "a class of one has none to spare"
    warnings.warn(f"{place}: no image of {which} validates: {why}", stacklevel=4)
