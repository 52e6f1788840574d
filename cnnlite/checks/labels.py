"""Labels and indices, and what losses take: scores, targets, the gradient of a loss."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array, as_array, check_floats, check_shape
from cnnlite.checks.numbers import choice, shown

__all__ = [
    "Targets",
    "check_dvalue",
    "check_indices",
    "check_reduction",
    "check_scores",
    "check_targets",
]

Targets: TypeAlias = npt.NDArray[np.integer[Any]]


def check_indices(name: str, argument: str, value: Any, size: int) -> npt.NDArray[np.int64]:
    """Return integers (N,), each from 0 to below `size`, as a contiguous int64 array.

    Raises:
        TypeError: they are not integers (N,).
        ValueError: one of them is out of range.
    """
    index = as_array(name, argument, value)
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise TypeError(
            f"{name}: {argument} is {index.dtype} {index.shape}, expected integers (N,)"
        )
    if len(index) and not 0 <= int(index.min()) <= int(index.max()) < size:
        raise ValueError(
            f"{name}: {argument} holds {index.min()} to {index.max()}, expected 0 to {size - 1}"
        )
    return np.ascontiguousarray(index, dtype=np.int64)


def check_scores(name: str, scores: Array, weight: Array | None) -> int:
    """Check scores (N, C) and the weight of the classes (C,) or None, and return C."""
    check_floats(name, scores=scores, weight=weight, optional=["weight"])
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ValueError(f"{name}: scores must have shape (N, C), C at least 1, got {scores.shape}")
    classes = int(scores.shape[1])
    check_shape(name, "weight", weight, (classes,))
    return classes


def check_targets(name: str, targets: npt.ArrayLike, scores: Array) -> Targets:
    """Return the targets as indices (N,) of classes, checked, in memory of their own."""
    labels = as_array(name, "targets", targets)
    if labels.dtype.kind not in "iu" and labels.size:
        raise TypeError(f"{name}: targets must be integers (class numbers), got {labels.dtype}")
    if labels.shape != scores.shape[:1]:
        raise ValueError(
            f"{name}: targets must have shape {scores.shape[:1]} to fit scores {scores.shape}, "
            f"got {labels.shape}"
        )
    classes = scores.shape[1]
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        raise ValueError(
            f"{name}: targets[{wrong[0]}] is {labels[wrong[0]]}, expected 0 to {classes - 1} "
            f"(scores {scores.shape})"
        )
    # A copy: the caller may reuse the array of labels before backward reads it.
    return labels.astype(np.intp)


def check_reduction(name: str, reduction: str) -> str:
    """Return the reduction; raise ValueError unless it is one of the three."""
    word: str = choice(name, "reduction", reduction, ("mean", "sum", "none"))
    return word


def check_dvalue(name: str, dvalue: Any, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Return the gradient with respect to a loss, a number or an array of that shape, as float64.

    Raises:
        TypeError: it is not made of real numbers.
        ValueError: it has another shape.
    """
    factor = as_array(name, "dvalue", dvalue)
    if factor.dtype.kind not in "fiu":
        raise TypeError(
            f"{name}: dvalue is {shown(dvalue)}, expected a number or an array of numbers"
        )
    if factor.ndim:
        check_shape(name, "dvalue", factor, shape)
    return factor.astype(np.float64)
