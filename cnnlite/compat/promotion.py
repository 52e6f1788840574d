"""NumPy's promotion of dtypes: a course's functions take whatever NumPy can compute with."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array, as_array

__all__ = ["promoted", "promoted_to"]


def promoted(name: str, **arrays: Any) -> tuple[Array, ...]:
    """Return arrays in the dtype that NumPy computes them in together.

    Integers and booleans count as float64, half precision is raised to float32, and what is longer
    than float64 is cut to it.  An array that has the dtype already is returned itself.

    Args:
        name: the function that was called, for the message.
        arrays: what it was given, by argument.

    Raises:
        TypeError: one of them is not made of real numbers.
    """
    given = {argument: as_array(name, argument, value) for argument, value in arrays.items()}
    for argument, array in given.items():
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name}: {argument} is {array.dtype}, expected an array of numbers")
    common = np.result_type(*given.values())
    dtype = np.float32 if common in (np.float16, np.float32) else np.float64
    return tuple(array.astype(dtype, copy=False) for array in given.values())


def promoted_to(name: str, argument: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """Return an array in the dtype that a forward pass has computed in.

    Raises:
        TypeError: it is not made of real numbers.
    """
    (array,) = promoted(name, **{argument: value})
    return array.astype(dtype, copy=False)
