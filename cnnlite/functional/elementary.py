"""exp, log and their kin, of arrays, by kernels whose bits are the same on every machine.

NumPy's own depend on the processor and on its version, so nothing on the way from a seed to the
weights calls those.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnlite.backend import kernels
from cnnlite.checks.arrays import Array

__all__ = ["exp", "expm1", "log", "log1p", "power", "tanh"]


def exp(x: Array, out: Array | None = None) -> Array:
    """Return e to the power of x.

    Args:
        x: any shape, float32 or float64.
        out: where the result goes, C-contiguous and like x; it may be x. None allocates it.

    Returns:
        An array like x, C-contiguous.
    """
    return _apply(kernels.exp, x, out)


def expm1(x: Array, out: Array | None = None) -> Array:
    """Return e to the power of x, less 1, also where that is small; Args as in `exp`."""
    return _apply(kernels.expm1, x, out)


def log(x: Array, out: Array | None = None) -> Array:
    """Return the natural logarithm of x: -inf of 0, NaN below; Args as in `exp`."""
    return _apply(kernels.log, x, out)


def log1p(x: Array, out: Array | None = None) -> Array:
    """Return the natural logarithm of 1 + x, also where x is small; Args as in `exp`."""
    return _apply(kernels.log1p, x, out)


def tanh(x: Array, out: Array | None = None) -> Array:
    """Return the hyperbolic tangent of x; Args as in `exp`."""
    return _apply(kernels.tanh, x, out)


def power(x: Array, exponent: float) -> Array:
    """Return x, of numbers from 0 up or NaN, to the power of a finite number."""
    if exponent == 0:
        return np.ones_like(x)
    if exponent in (1, 2):
        return x.copy() if exponent == 1 else np.square(x)
    logarithm = log(np.asarray(x, np.float64))
    logarithm *= exponent
    return exp(logarithm, out=logarithm).astype(x.dtype, copy=False)


def _apply(kernel: Callable[[Array, Array], None], x: Array, out: Array | None) -> Array:
    x = np.require(x, requirements=["C", "A"])
    if out is None:
        out = np.empty(x.shape, x.dtype)
    kernel(x, out)
    return out
