"""Checks of what layers are made with."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["float_dtype", "frozen", "integer", "real"]


def float_dtype(name: str, dtype: npt.DTypeLike) -> np.dtype:
    """Return the dtype if a layer can have it.

    Args:
        name: the layer's name, for the message.
        dtype: what was asked for.

    Raises:
        TypeError: it is neither float32 nor float64 in the machine's byte order.
    """
    if dtype is not None:  # which NumPy would read as float64
        try:
            resolved = np.dtype(dtype)
            if resolved in (np.dtype(np.float32), np.dtype(np.float64)):
                return resolved
        except TypeError:
            pass
    raise TypeError(f"{name}: dtype is {dtype!r}, expected float32 or float64")


def frozen(value: Any) -> Any:
    """Return a size that was checked as a string, a Python int, or tuples of them.

    What a caller does to the list that was given must not change the layer.
    """
    if isinstance(value, str):
        return value
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else int(value)


def integer(name: str, argument: str, value: object, least: int = 1) -> int:
    """Return the integer if it is large enough.

    Raises:
        TypeError: the value is not an integer.
        ValueError: it is below `least`.
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name}: {argument} is {value!r}, expected an integer from {least} up")
    if value < least:
        raise ValueError(f"{name}: {argument} is {value!r}, expected an integer from {least} up")
    return int(value)


def real(
    name: str, argument: str, value: object, low: float = -math.inf, high: float = math.inf
) -> float:
    """Return the number if it is finite and lies in [low, high].

    Raises:
        TypeError: the value is not a number.
        ValueError: it is outside, infinite or NaN.
    """
    message = f"{name}: {argument} is {value!r}, expected a number"
    if math.isfinite(low):
        message += f" from {low:g} up" if math.isinf(high) else f" from {low:g} to {high:g}"
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(message)
    number = float(value)
    if not math.isfinite(number) or not low <= number <= high:
        raise ValueError(message)
    return number
