"""Compares what came back with what was expected, and says in words where they part.

All of this happens in the checker's own process, on plain numbers and arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.exercises.parts import Case, Part, Suspect
from cnnlite.exercises.worker import Other, decode

__all__ = ["TO_DO", "describe", "plain", "wrong_with"]

TO_DO = "not filled in yet, or a return is missing"


def wrong_with(part: Part, case: Case, reply: dict[str, Any]) -> str | None:
    """Return what is wrong with the answer to one call, None if nothing is.

    Args:
        part: the part of the exercise.
        case: the call.
        reply: one element of "results" of `worker.run`, from a process that is not to be trusted.
    """
    try:
        result, inputs = decode(reply["result"]), decode(reply["inputs"])
        aliases = [(place, other) for place, other in reply["alias"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return "what came back from the process cannot be read"
    if part.take is not None:
        wrong = _wrong_tuple(part, result)
        if wrong:
            return wrong
        result = result[part.take]
    if result is None:
        name = f"{part.of[part.take]} is None" if part.take is not None else "returned None"
        return f"{name}: {TO_DO}"
    wrong = case.judge(result) if case.judge else _differs(case, result)
    return wrong or _changed(case, inputs) or _shared(part, case, aliases)


def _wrong_tuple(part: Part, result: Any) -> str | None:
    expected = f"expected a tuple ({', '.join(part.of)})"
    if result is None:
        return f"returned None, {expected}: {TO_DO}"
    if not isinstance(result, tuple | list):
        return f"returned {describe(result)}, {expected}"
    if len(result) != len(part.of):
        return f"returned {len(result)} results, {expected}"
    return None


def _differs(case: Case, result: Any) -> str | None:
    if isinstance(result, list | tuple) and all(isinstance(i, int | float) for i in result):
        result = np.array(result, np.float64)
    expected = np.asarray(case.expected)
    if not isinstance(result, np.ndarray | int | float) or isinstance(result, bool):
        return f"returned {describe(result)}, expected {describe(case.expected)}"
    came = np.asarray(result)
    if came.shape != expected.shape:
        text = f"came shape {came.shape}, expected {expected.shape}"
        return _with_cause(text, case, came)
    if isinstance(case.expected, np.ndarray) and came.dtype != expected.dtype:
        text = f"came dtype {came.dtype}, expected {expected.dtype} as the inputs"
        if expected.dtype == np.float32:
            text += "\nlikely: an array that was made without dtype is float64"
        return text
    if came.dtype.kind not in "fiu":
        return f"came dtype {came.dtype}, expected numbers of {expected.dtype}"
    right = _close(came, expected)
    if right.all():
        return None
    index = tuple(int(i) for i in np.argwhere(~right)[0])
    at = f" at index {index}" if came.ndim else ""
    text = f"came {_number(came[index])}{at}, expected {_number(expected[index])}"
    if came.size > 1:
        text += f" ({np.count_nonzero(right)} of {came.size} elements are right)"
    return _with_cause(text, case, came)


def _with_cause(text: str, case: Case, came: np.ndarray) -> str:
    cause = _cause(case.suspects, came) or _general_cause(came, np.asarray(case.expected), case)
    return f"{text}\nlikely: {cause}" if cause else text


def _cause(suspects: tuple[Suspect, ...], came: np.ndarray) -> str | None:
    """The mistake that gives just this result; or failing that, a result of this shape."""
    if not np.isfinite(came).all():
        return None
    wrong = [(cause, np.asarray(make())) for cause, make in suspects]
    same_shape = [(cause, array) for cause, array in wrong if array.shape == came.shape]
    for cause, array in same_shape:
        if _close(came, array).all():
            return cause
    return None


def _general_cause(came: np.ndarray, expected: np.ndarray, case: Case) -> str | None:
    """What can be said without knowing the exercise."""
    if came.shape != expected.shape:
        if came.shape == expected.shape[::-1]:
            return "it is transposed"
        shaped = [c for c, make in case.suspects if np.asarray(make()).shape == came.shape]
        return f"{shaped[0]} (that gives this shape)" if shaped else None
    if not np.isfinite(came).all():
        return "0/0, the logarithm of 0, or exp of a large number"
    if not came.any():
        return "it is zero everywhere: is it filled in, and the filled-in array returned?"
    big = np.abs(expected) > 1e-3 * np.abs(expected).max(initial=0)
    if not big.any():
        return None
    factor = float((came[big] / expected[big]).mean())
    if not _close(came, factor * expected).all():
        return None
    if abs(factor + 1) < 1e-6:
        return "the sign is turned"
    return f"everything is {factor:.4g} times what it should be{_meaning(factor, case)}"


def _meaning(factor: float, case: Case) -> str:
    """Where a wrong factor may come from: the sizes of the inputs."""
    for name, value in case.inputs.items():
        for axis, size in enumerate(value.shape if isinstance(value, np.ndarray) else ()):
            if size > 1 and abs(factor - size) < 1e-4 * size:
                return f", and {size} is {name}.shape[{axis}]"
            if size > 1 and abs(factor * size - 1) < 1e-4:
                return f", and that is 1/{name}.shape[{axis}]"
    return ""


def _changed(case: Case, after: Any) -> str | None:
    """Whether an input was modified: the result may be right, the caller's data are not."""
    for name, before in case.inputs.items():
        if not isinstance(before, np.ndarray):
            continue
        now = after.get(name) if isinstance(after, dict) else None
        if not isinstance(now, np.ndarray) or not np.array_equal(now, before):
            return (
                f"the result is right, but the input {name} was modified in place\n"
                f"likely: {name}[...] = or {name} += on an array that belongs to the caller"
            )
    return None


def _shared(part: Part, case: Case, aliases: list[tuple[Any, Any]]) -> str | None:
    if case.may_alias:
        return None
    for place, other in aliases:
        if place != (part.take or 0):
            continue
        name = part.of[part.take] if part.take is not None else "the result"
        if not isinstance(other, str):
            return f"{name} is an array that is returned twice: whoever changes one changes both"
        given = plain(other)
        return (
            f"{name} shares its memory with the input {given}: whoever changes one changes both\n"
            f"likely: {given} itself or a view of it is returned, where a new array is needed"
        )
    return None


def _close(came: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Element by element, within the rounding of the coarser of both dtypes; NaN is never right."""
    kinds = [a.dtype for a in (came, expected) if a.dtype.kind == "f"]
    tolerance = 1e-4 if any(dtype.itemsize < 8 for dtype in kinds) else 1e-7
    scale = max(1.0, float(np.abs(expected[np.isfinite(expected)]).max(initial=0)))
    with np.errstate(all="ignore"):
        off = np.abs(came.astype(np.float64) - expected.astype(np.float64))
    close: np.ndarray = np.asarray(off <= tolerance * scale)
    return close


def describe(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if isinstance(value, Other):
        return plain(value.what)
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, np.ndarray | float | np.floating):
        return f"the number {_number(value)}"
    return f"{value!r}" if isinstance(value, bool | int | str) else f"a {type(value).__name__}"


def plain(text: Any) -> str:
    """What came from a student's file, as one line that cannot steer the terminal."""
    return "".join(c if c.isprintable() else " " for c in str(text)[:300])


def _number(value: Any) -> str:
    return f"{float(value):.6g}"
