"""exp, log and their kin: the operations of the kernels, in their order, and so their bits.

NumPy's own differ in the last digits from processor to processor and from version to version.
These are sums and products of float64, each rounded by itself, and what is float32 is rounded at
the end.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cnnlite.quiet import quiet

__all__ = ["exp", "expm1", "log", "log1p", "tanh"]

Doubles = npt.NDArray[np.float64]

_LN2_HIGH = float.fromhex("0x1.62e42fefp-1")  # 33 bits: a multiple by an exponent is exact
_LN2_LOW = float.fromhex("0x1.473de6af278edp-34")
_PER_LN2 = float.fromhex("0x1.71547652b82fep+0")
_TO_INTEGER = 1.5 * 2.0**52  # added and taken off again, it rounds to an integer


def exp(x: np.ndarray, y: np.ndarray) -> None:
    """Compute y = e to the power of x; y may be x."""
    _write(_exp, x, y)


def expm1(x: np.ndarray, y: np.ndarray) -> None:
    """Compute y = e to the power of x, less 1; y may be x."""
    _write(_expm1, x, y)


def log(x: np.ndarray, y: np.ndarray) -> None:
    """Compute y = the natural logarithm of x; y may be x."""
    _write(_log, x, y)


def log1p(x: np.ndarray, y: np.ndarray) -> None:
    """Compute y = the natural logarithm of 1 + x; y may be x."""
    _write(_log1p, x, y)


def tanh(x: np.ndarray, y: np.ndarray) -> None:
    """Compute y = the hyperbolic tangent of x; y may be x."""
    _write(_tanh, x, y)


@quiet
def _write(function: Callable[[Doubles], Doubles], x: np.ndarray, y: np.ndarray) -> None:
    y[...] = function(x.astype(np.float64))


def _expm1_of_rest(r: Doubles) -> Doubles:
    """Return e^r - 1 for |r| <= ln(2)/2, by Taylor's polynomial of degree 14."""
    p: Doubles = np.full_like(r, 1 / math.factorial(14))
    for degree in range(13, 1, -1):
        p = p * r + 1 / math.factorial(degree)
    return r + r * r * p


def _rest_of_ln2(x: Doubles) -> tuple[Doubles, npt.NDArray[np.int64]]:
    """Return r and k with x = k ln 2 + r."""
    n = (x * _PER_LN2 + _TO_INTEGER) - _TO_INTEGER
    return (x - n * _LN2_HIGH) - n * _LN2_LOW, n.astype(np.int64)


def _between(x: Doubles, low: float, high: float) -> Doubles:
    limited: Doubles = np.where(np.isnan(x), 0, np.clip(x, low, high))
    return limited


def _exp(x: Doubles) -> Doubles:
    r, k = _rest_of_ln2(_between(x, -746, 710))
    half = np.trunc(k / 2).astype(np.int64)
    y = (1 + _expm1_of_rest(r)) * np.ldexp(1.0, half) * np.ldexp(1.0, k - half)
    return np.where(np.isnan(x), x, y)


def _expm1(x: Doubles) -> Doubles:
    r, k = _rest_of_ln2(_between(x, -40, 40))
    scale = np.ldexp(1.0, k)
    y = _expm1_of_rest(r) * scale + (scale - 1)
    return np.where(x > 40, _exp(x), np.where(np.isnan(x) | (x == 0), x, y))


def _log(x: Doubles) -> Doubles:
    m, exponent = np.frexp(x)  # m from 1/2 to 1
    low = m < np.sqrt(0.5)
    f = np.where(low, 2 * m, m) - 1
    s = f / (2 + f)
    z = s * s
    p = np.full_like(z, 2 / 21)
    for odd in range(19, 1, -2):
        p = p * z + 2 / odd
    n = (exponent - low).astype(np.float64)
    y = n * _LN2_HIGH + ((f - s * (f - z * p)) + n * _LN2_LOW)
    finite = (x > 0) & (x < np.inf)
    special = np.where(x == 0, -np.inf, np.where(x < 0, np.nan, x))
    return np.where(finite, y, special)


def _log1p(x: Doubles) -> Doubles:
    total = 1 + x
    y = _log(total)
    near = (total > 0) & (total < np.inf)
    return np.where(near, np.where(x == 0, x, y + (x - (total - 1)) / total), y)


def _tanh(x: Doubles) -> Doubles:
    t = _expm1(2 * _between(np.abs(x), 0, 40))
    return np.where(np.isnan(x) | (x == 0), x, np.copysign(t / (t + 2), x))
