"""Integers, real numbers, flags, pairs and words."""

import math
import operator
from collections.abc import Collection, Iterable, Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

__all__ = [
    "LARGEST",
    "IntPair",
    "as_integer",
    "choice",
    "count",
    "flag",
    "integer",
    "number",
    "optional_count",
    "pair",
    "real",
    "shown",
    "sizes",
    "two_integers",
]

IntPair: TypeAlias = int | Sequence[int]
# The product of two such numbers still fits the kernels' 64-bit indices.
LARGEST = 2**31 - 1


def shown(value: object) -> str:
    """Return a value as a message shows it: an array by its shape, all else cut to one line."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array {value.dtype} {value.shape}"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def as_integer(value: object) -> int | None:
    """Return the integer that a value stands for as a Python int, or None if it is not one."""
    if type(value) is int:  # the usual case, without a call
        return value
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return int(operator.index(value))  # type: ignore[arg-type]  # it raises: that is the check
    except TypeError:
        return None


def integer(
    name: str, argument: str, value: object, least: int | None = None, most: int | None = None
) -> int:
    """Return the integer as a Python int.

    Args:
        name: the layer or function, for the message.
        argument: the argument's name.
        value: what was given.
        least, most: the range that it must lie in, both ends included; None for no limit.

    Raises:
        TypeError: the value is not an integer.
        ValueError: it is out of range.
    """
    whole = as_integer(value)
    if whole is not None and (least is None or whole >= least) and (most is None or whole <= most):
        return whole
    message = f"{name}: {argument} is {shown(value)}, expected an integer"
    if least is not None:
        message += f" from {least} up" if most is None else f" from {least} to {most}"
    raise TypeError(message) if whole is None else ValueError(message)


def count(name: str, argument: str, value: object) -> int:
    """Return an integer from 1 up; see `integer` for what is raised."""
    return integer(name, argument, value, 1)


def optional_count(name: str, argument: str, value: object) -> int | None:
    """Return an integer from 1 up, or None; see `integer` for what is raised."""
    return None if value is None else count(name, argument, value)


def sizes(name: str, argument: str, value: object) -> tuple[int, ...]:
    """Return the sizes of one or more axes, each from 1 up, given as an integer or several.

    Raises:
        TypeError: one of them is not an integer.
        ValueError: one of them is below 1, or there are none.
    """
    several = isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim == 1)
    entries: Iterable[object] = value if several else (value,)  # type: ignore[assignment]
    result = tuple(count(name, argument, entry) for entry in entries)
    if not result:
        raise ValueError(f"{name}: {argument} is empty, expected one axis or more")
    return result


def number(name: str, argument: str, value: object, expected: str = "a number") -> float:
    """Return a real number as a Python float; it may be infinite or NaN.

    Raises:
        TypeError: the value is not a number, or it is a flag.
        ValueError: it is an integer larger than any float.
    """
    if type(value) is float:
        return value
    plain = isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "fiu"
    real_number = isinstance(value, Real) and not isinstance(value, bool)
    if not (plain or real_number):
        raise TypeError(f"{name}: {argument} is {shown(value)}, expected {expected}")
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise ValueError(f"{name}: {argument} is {shown(value)}, expected {expected}") from None


def real(
    name: str,
    argument: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Return a finite number as a Python float.

    Args:
        name: the layer or function, for the message.
        argument: the argument's name.
        value: what was given.
        low, high: the range that it must lie in.
        open_low, open_high: whether that end is excluded.

    Raises:
        TypeError: the value is not a number.
        ValueError: it is out of range, infinite or NaN.
    """
    if type(value) is float and low < value < high and math.isfinite(value):  # the usual case
        return value
    expected = _range(low, high, open_low, open_high)
    result = number(name, argument, value, expected)
    inside = low <= result <= high and math.isfinite(result)
    if not inside or (open_low and result == low) or (open_high and result == high):
        raise ValueError(f"{name}: {argument} is {shown(value)}, expected {expected}")
    return result


def _range(low: float, high: float, open_low: bool, open_high: bool) -> str:
    if not math.isfinite(low):
        return "a number"
    text = f"a number above {low:g}" if open_low else f"a number from {low:g}"
    if not math.isfinite(high):
        return text if open_low else f"{text} up"
    if open_low:
        return f"{text} and {'below' if open_high else 'up to'} {high:g}"
    return f"{text} to {'below ' if open_high else ''}{high:g}"


def flag(name: str, argument: str, value: object) -> bool:
    """Return True or False as a Python bool.

    Raises:
        TypeError: the value is neither of the two.
    """
    if value is True or value is False:
        return value
    plain = isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype == np.bool_
    if plain or isinstance(value, np.bool_):
        return bool(value)
    raise TypeError(f"{name}: {argument} is {shown(value)}, expected True or False")


def choice(name: str, argument: str, value: Any, words: Collection[str | None]) -> Any:
    """Return the value if it is one of the words (or None, where that is among them).

    Raises:
        ValueError: it is none of them.
    """
    if (value is None or isinstance(value, str)) and value in words:
        return value
    expected = " or ".join(map(repr, words))
    raise ValueError(f"{name}: {argument} is {shown(value)}, expected {expected}")


def two_integers(value: object, least: int) -> tuple[int, int] | None:
    """Return the two integers from `least` to LARGEST that a value stands for, or None."""
    if type(value) is tuple and len(value) == 2:
        first, second = value
        if type(first) is int and type(second) is int:  # the usual case
            inside = least <= first <= LARGEST and least <= second <= LARGEST
            return value if inside else None
    entries: Sequence[object] = value if isinstance(value, tuple | list) else (value,)
    if len(entries) == 1:
        entries = (entries[0], entries[0])
    if len(entries) != 2:
        return None
    first, second = as_integer(entries[0]), as_integer(entries[1])
    if first is None or second is None:
        return None
    inside = least <= first <= LARGEST and least <= second <= LARGEST
    return (first, second) if inside else None


def pair(name: str, argument: str, value: IntPair, least: int = 1) -> tuple[int, int]:
    """Return what is given for height and width as (for height, for width).

    Args:
        name: the layer or function, for the message.
        argument: the argument's name.
        value: an integer, two, or a tuple of one.
        least: the smallest value allowed.

    Raises:
        ValueError: it is anything else, or out of range.
    """
    resolved = two_integers(value, least)
    if resolved is None:
        raise ValueError(
            f"{name}: {argument} must be an int or a pair of ints from {least} to {LARGEST}, "
            f"got {shown(value)}"
        )
    return resolved
