"""Memory for arrays: without compiled code, NumPy's own."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["empty"]


def empty(shape: int | Sequence[int], dtype: npt.DTypeLike) -> np.ndarray:
    """Return an uninitialised C-contiguous array of that shape and dtype.

    Raises:
        MemoryError: there is not that much memory.
        ValueError: the shape is negative, or its size overflows an address.
    """
    return np.empty(shape, dtype)
