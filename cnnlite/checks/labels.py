"""Labels and indices, and what losses take: scores, targets, the gradient of a loss."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array, as_array, check_floats, check_shape, real_array
from cnnlite.checks.numbers import choice, shown

__all__ = [
    "Targets",
    "check_dvalue",
    "check_indices",
    "check_reduction",
    "check_sample_weight",
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
    """Check scores (N, C, d1, ...) and the weight of the classes (C,) or None, and return C."""
    check_floats(name, scores=scores, weight=weight, optional=["weight"])
    if scores.ndim < 2 or scores.shape[1] == 0:
        raise ValueError(f"{name}: scores must have shape (N, C), C at least 1, got {scores.shape}")
    classes = int(scores.shape[1])
    check_shape(name, "weight", weight, (classes,))
    return classes


def check_targets(
    name: str, targets: npt.ArrayLike, scores: Array, ignore_index: int | None = None
) -> Targets:
    """Return the targets as indices of classes, checked, in memory of their own.

    Args:
        name: the loss, for the message.
        targets: (N,), or (N, d1, ...) where the scores are (N, C, d1, ...).
        scores: the scores.
        ignore_index: a target that may stand for no class, or None.

    Raises:
        TypeError, ValueError: they are something else; the message says how they become indices.
    """
    labels = as_array(name, "targets", targets)
    classes, expected = scores.shape[1], (*scores.shape[:1], *scores.shape[2:])
    if labels.dtype.kind not in "iu" and labels.size:
        raise TypeError(
            f"{name}: targets must be integers (class numbers), got {labels.dtype}"
            + _as_classes("targets", labels, scores)
        )
    if labels.shape != expected:
        raise ValueError(
            f"{name}: targets must have shape {expected} to fit scores {scores.shape}, "
            f"got {labels.shape}{_as_classes('targets', labels, scores)}"
        )
    outside = (labels < 0) | (labels >= classes)
    if ignore_index is not None:
        outside &= labels != ignore_index
    if outside.any():
        place = tuple(int(i) for i in np.argwhere(outside)[0])
        from_one = labels[labels != ignore_index].min() == 1 and labels.max() == classes
        raise ValueError(
            f"{name}: targets[{', '.join(map(str, place))}] is {labels[place]}, "
            f"expected 0 to {classes - 1} (scores {scores.shape})"
            + ("; classes count from 0: pass targets - 1" if from_one else "")
        )
    # A copy: the caller may reuse the array of labels before backward reads it.
    return labels.astype(np.intp, order="C")


def _as_classes(argument: str, labels: npt.NDArray[Any], scores: Array) -> str:
    """Return what to do with labels of another kind, where that can be told."""
    if labels.dtype.kind in "USO" and labels.ndim:
        return f"; np.unique({argument}, return_inverse=True)[1] numbers names of classes"
    rows = labels.ndim == 2 and len(labels) == len(scores) and labels.shape[1] > 1
    if rows or labels.shape == scores.shape:
        return f"; of one-hot rows, {argument}.argmax(axis=1) are the classes"
    return ""


def check_sample_weight(
    name: str, sample_weight: Any, scores: Array
) -> npt.NDArray[np.float64] | None:
    """Return the examples' weights (N,), or None.

    Raises:
        TypeError: they are no real numbers.
        ValueError: they are not (N,), or not finite.
    """
    if sample_weight is None:
        return None
    weight = real_array(name, "sample_weight", sample_weight, "a number for each example")
    check_shape(name, "sample_weight", weight, scores.shape[:1] or (0,))
    return weight


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
