"""Compares what came back with what was expected, and says in words where they differ.

All of this happens in the checker's own process, on plain numbers and arrays.
"""

from typing import Any

import numpy as np

from cnnlite.exercises.causes import cause_of, close
from cnnlite.exercises.parts import Case, Part
from cnnlite.isolated.process import UNREADABLE
from cnnlite.isolated.wire import FORGED, Other, decode, plain

__all__ = ["TO_DO", "describe", "wrong_with"]

TO_DO = "not filled in yet, or a return is missing"


def wrong_with(part: Part, case: Case, reply: dict[str, Any]) -> str | None:
    """Return what is wrong with the answer to one call, None if nothing is.

    Args:
        part: the part of the exercise.
        case: the call.
        reply: one element of "results" of `Calls.answer`, from a process that is not to be trusted.
    """
    try:
        result, inputs = decode(reply["result"]), decode(reply["inputs"])
        aliases = [(place, other) for place, other in reply["alias"]]
    except FORGED:
        return UNREADABLE
    others: list[Any] = []
    if part.take is not None:
        wrong = _wrong_tuple(part, result)
        if wrong:
            return wrong
        others, result = list(result), result[part.take]
    if result is None:
        name = f"{part.of[part.take]} is None" if part.take is not None else "returned None"
        return f"{name}: {TO_DO}"
    wrong = case.judge(result) if case.judge else _differs(case, result)
    if wrong and part.take is not None and not case.judge:
        wrong = _swapped(part, case, others) or wrong
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


def _swapped(part: Part, case: Case, results: list[Any]) -> str | None:
    """Return a message if the expected result stands in another place of the tuple."""
    assert part.take is not None
    for place, result in enumerate(results):
        if place != part.take and result is not None and not _differs(case, result):
            name, other = part.of[part.take], part.of[place]
            return (
                f"{name} is right, but stands in the place of {other}\n"
                f"likely: the results are in another order; return {', '.join(part.of)}"
            )
    return None


def _differs(case: Case, result: Any) -> str | None:
    if isinstance(result, list | tuple) and all(isinstance(i, int | float) for i in result):
        result = np.array(result, np.float64)
    expected = np.asarray(case.expected)
    if not isinstance(result, np.ndarray | int | float) or isinstance(result, bool):
        return _another_kind(case, result)
    came = np.asarray(result)
    if came.dtype.kind == "b":
        return f"came dtype bool, expected numbers of {expected.dtype}"
    if came.shape != expected.shape:
        text = f"came shape {came.shape}, expected {expected.shape}"
        return _with_cause(text, case, came)
    if isinstance(case.expected, np.ndarray) and came.dtype != expected.dtype:
        text = f"came dtype {came.dtype}, expected {expected.dtype} as the inputs"
        if expected.dtype == np.float32:
            text += "\nlikely: an array that was made without dtype is float64"
        return text
    right = close(came, expected, case.tolerance)
    if right.all():
        return None
    index = tuple(int(i) for i in np.argwhere(~right)[0])
    at = f" at index {index}" if came.ndim else ""
    number, wanted = _numbers(came[index], expected[index])
    text = f"came {number}{at}, expected {wanted}"
    if came.size > 1:
        text += f" ({np.count_nonzero(right)} of {came.size} elements are right)"
    return _with_cause(text, case, came)


def _another_kind(case: Case, result: Any) -> str:
    text = f"returned {describe(result)}, expected {describe(case.expected)}"
    if isinstance(result, Other):
        if "generator" in result.what:
            return f"{text}\nlikely: yield, where a return is needed, or (... for ...) without list"
        if "complex" in result.what:
            return f"{text}\nlikely: the root of a negative number, or 1j"
    if isinstance(result, tuple) and isinstance(case.expected, np.ndarray | float):
        return f"{text}\nlikely: a comma too many behind return; one result is asked for"
    if isinstance(result, list) and isinstance(case.expected, np.ndarray):
        return f"{text}\nlikely: np.array(...) is missing around the list"
    return text


def _with_cause(text: str, case: Case, came: np.ndarray) -> str:
    cause = cause_of(case, came)
    return f"{text}\nlikely: {cause}" if cause else text


def _changed(case: Case, after: Any) -> str | None:
    """Return a message if an input was modified, which spoils the caller's data."""
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


def describe(value: Any) -> str:
    """Return a value in a few words."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if isinstance(value, Other):
        return plain(value.what)
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, np.ndarray | float | np.floating):
        return f"the number {float(value):.6g}"
    return f"{value!r}" if isinstance(value, bool | int | str) else f"a {type(value).__name__}"


def _numbers(came: Any, expected: Any) -> tuple[str, str]:
    """Return both numbers, with as many digits as it takes to tell them apart."""
    for digits in range(6, 17):
        texts = f"{float(came):.{digits}g}", f"{float(expected):.{digits}g}"
        if texts[0] != texts[1]:
            # Two digits more, where it is not by the first ones that they differ.
            more = digits if digits == 6 else min(digits + 1, 17)
            return f"{float(came):.{more}g}", f"{float(expected):.{more}g}"
    return f"{float(came):.17g}", f"{float(expected):.17g}"
