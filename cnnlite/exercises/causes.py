"""Which mistake explains a wrong result; none is named that does not explain all of it."""

from itertools import combinations, permutations

import numpy as np

from cnnlite.exercises.parts import Case

__all__ = ["cause_of", "close"]

# A cause must leave no more than this part of the error: near the right result, all are close.
EXPLAINS = 0.01
NEARLY = 1e-3  # relative; what is wrong by less than this was nearly right


def close(came: np.ndarray, expected: np.ndarray, tolerance: float | None = None) -> np.ndarray:
    """Return where both agree; NaN is never right.

    Args:
        came, expected: arrays of one shape.
        tolerance: as of a `Case`; None for the rounding of the coarser dtype.
    """
    if tolerance is None:
        kinds = [a.dtype for a in (came, expected) if a.dtype.kind == "f"]
        tolerance = 1e-4 if any(dtype.itemsize < 8 for dtype in kinds) else 1e-7
    largest = max(1.0, float(np.abs(expected[np.isfinite(expected)]).max(initial=0)))
    return np.asarray(_off(came, expected) <= tolerance * largest)


def _off(came: np.ndarray, expected: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(came.astype(np.float64) - expected.astype(np.float64)))


def cause_of(case: Case, came: np.ndarray) -> str | None:
    """Return the mistake that gives just this result, None if no usual one does.

    Args:
        case: the call, what is expected and what mistakes would give.
        came: a result that is wrong.
    """
    with np.errstate(all="ignore"):  # what came may be anything
        return _cause(case, came, np.asarray(case.expected))


def _cause(case: Case, came: np.ndarray, expected: np.ndarray) -> str | None:
    if not np.isfinite(came).all():
        alike = came.shape == expected.shape
        return "0/0, the logarithm of 0, or exp of a large number" if alike else None
    for cause, make in case.suspects:
        wrong = np.asarray(make())
        if _explains(came, wrong, came, expected):
            return cause
    if came.shape == expected.shape and not came.any():
        return "it is zero everywhere: is it filled in, and the filled-in array returned?"
    if came.shape != expected.shape:
        return _of_shape(case, came, expected)
    return _arrangement(came, expected) or _scale(case, came, expected) or _small(came, expected)


def _of_shape(case: Case, came: np.ndarray, expected: np.ndarray) -> str | None:
    """Return what gives a result of another shape."""
    arranged = _arrangement(came, expected)
    if arranged:
        return arranged
    if came.size and came.size == expected.size and _same(came.ravel(), expected.ravel()):
        return "the numbers are right; only the shape is not: reshape, or keepdims"
    for axis in range(came.ndim):
        for name, reduce in (("sum", np.sum), ("mean", np.mean)):
            if came.shape[axis] > 1 and _same(reduce(came, axis=axis), expected):
                return f"the {name} over axis {axis} is missing"
    for axis in range(expected.ndim):
        for name, reduce in (("summed", np.sum), ("averaged", np.mean)):
            for keep in (False, True):
                lacking = reduce(expected, axis=axis, keepdims=keep)
                if expected.shape[axis] > 1 and _same(came, lacking):
                    return f"{name} over axis {axis}, which the result should keep"
    shaped = [c for c, make in case.suspects if np.asarray(make()).shape == came.shape]
    return f"{shaped[0]} (that gives this shape)" if len(shaped) == 1 else None


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.shape(a) == np.shape(b) and bool(close(np.asarray(a), np.asarray(b)).all())


def _arrangement(came: np.ndarray, expected: np.ndarray) -> str | None:
    """Return how the right numbers are rearranged, if they are."""
    if came.ndim != expected.ndim or came.size != expected.size or not came.size >= 2:
        return None
    axes = tuple(range(came.ndim))
    for order in permutations(axes) if came.ndim <= 4 else ():
        turned = came.transpose(order)
        if order != axes and _explains(turned, expected, came, expected):
            if came.ndim == 2:
                return "it is transposed"
            return f"its axes are in another order; transpose({order}) would make it right"
    for count in range(1, came.ndim + 1) if came.ndim <= 4 else ():
        for flipped in combinations(axes, count):
            if _explains(np.flip(came, flipped), expected, came, expected):
                along = " and ".join(f"axis {axis}" for axis in flipped)
                return f"it runs backwards along {along}"
    for axis in axes:
        for shift in (1, -1):
            rolled = np.roll(came, shift, axis)
            if came.shape[axis] > 2 and _explains(rolled, expected, came, expected):
                return f"it is shifted by one along axis {axis}"
    return None


def _explains(a: np.ndarray, b: np.ndarray, came: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether a and b agree, and far better than what came and what was expected."""
    if a.shape != b.shape or not close(a, b).all():
        return False
    if came.shape != expected.shape:
        return True
    rest = float(_off(a, b).max(initial=0))
    return rest <= EXPLAINS * float(_off(came, expected).max(initial=0))


def _scale(case: Case, came: np.ndarray, expected: np.ndarray) -> str | None:
    """Return by which factor or number everything is too large, if there is one."""
    if _explains(-came, expected, came, expected):
        return "the sign is turned"
    big = np.abs(expected) > 1e-3 * np.abs(expected).max(initial=0)
    if np.count_nonzero(big) < 2:  # any number is some other one times something
        return None
    factor = float(np.median(came[big] / expected[big]))
    scaled = factor and _explains(came / factor, expected, came, expected)
    if scaled and abs(factor - 1) > NEARLY:
        return f"everything is {factor:.4g} times what it should be{_meaning(factor, case)}"
    difference = float(np.median(came[big] - expected[big]))
    shifted = _explains(came - difference, expected, came, expected)
    if shifted and abs(difference) > NEARLY * np.abs(expected).max():
        way = "large" if difference > 0 else "small"
        return f"everything is too {way} by {abs(difference):.4g}"
    return None


def _meaning(factor: float, case: Case) -> str:
    """Return where a wrong factor may come from: the sizes of the inputs."""
    for name, value in case.inputs.items():
        shape = value.shape if isinstance(value, np.ndarray) else ()
        for count in (1, 2, 3):
            for axes in combinations(range(len(shape)), count):
                size = int(np.prod([shape[axis] for axis in axes]))
                what = " * ".join(f"{name}.shape[{axis}]" for axis in axes)
                what = f"({what})" if count > 1 else what
                if size > 1 and abs(factor - size) < 1e-4 * size:
                    return f", and {size} is {what}"
                if size > 1 and abs(factor * size - 1) < 1e-4:
                    return f", and that is 1/{what}"
    return ""


def _small(came: np.ndarray, expected: np.ndarray) -> str | None:
    """Return what explains a result that is nearly right."""
    large = float(np.abs(expected).max(initial=0))
    if not large or float(_off(came, expected).max(initial=0)) > NEARLY * large:
        return None
    if came.dtype == np.float64 and _is_single(came) and not _is_single(expected):
        return "something on the way is float32, which has seven digits only"
    return (
        "nearly right: a small number was added where none is asked for (an epsilon), a constant "
        "has too few digits, or it comes from finite differences"
    )


def _is_single(array: np.ndarray) -> bool:
    """Return whether float32 holds all of its digits."""
    return bool((array.astype(np.float32) == array).all())
