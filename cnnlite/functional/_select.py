"""Choosing elements by a mask at the speed of a multiplication."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.functional._checks import Array

_BITS: dict[int, type[np.signedinteger[Any]]] = {4: np.int32, 8: np.int64}


def multiply_by_mask(values: Array, mask: npt.NDArray[np.bool_], out: Array) -> None:
    """Writes values where mask is true and 0 elsewhere.

    Multiplied are the bits, as integers, with 0 or 1: so an infinite or NaN value that is masked
    becomes 0, not NaN, and there is no branch for the processor to mispredict (np.where and
    np.copyto are ten times slower on a random mask).

    Args:
        values: float32 or float64.
        mask: of the same shape.
        out: like values, overwritten.
    """
    bits = _BITS[values.dtype.itemsize]
    np.multiply(values.view(bits), mask, out=out.view(bits))
