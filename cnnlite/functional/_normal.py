"""The normal distribution for whole arrays; NumPy has no error function.

With t = 2/(2 + z) the complementary error function of z >= 0 is t * exp(-z*z + g(t)), where g is
smooth enough on the whole half-line to be a polynomial in t of low degree.  Its coefficients are
interpolated at Chebyshev points, from values worked out with 40 decimal digits.

Source: the substitution is that of Press et al., "Numerical Recipes", section 6.2.2; the series and
the continued fraction are Abramowitz and Stegun 7.1.5 and 7.1.14.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cnnlite.functional._checks import Array

# Degrees that leave only rounding: relative errors near 2e-8 and 1e-15.
_TERMS = {4: 12, 8: 25}
# erfc is 0 in float64 beyond this.
_FARTHEST = 28.0
_NEAREST_T = 2 / (2 + _FARTHEST)
# Elements worked on at once, so that the sixty passes stay in the processor's cache.
_PIECE = 2**14


def normal_cdf(x: Array, out: Array) -> None:
    """Writes the probability that a standard normal number is smaller than x: erfc(-x/sqrt2)/2.

    Args:
        x: C-contiguous, float32 or float64; NaN gives NaN.
        out: like x, overwritten.  The relative error is a few roundings for x > -5, and grows
            like x*x roundings farther down.
    """
    coefficients = _coefficients(_TERMS[x.dtype.itemsize])
    flat, flat_out = x.reshape(-1), out.reshape(-1)
    for start in range(0, flat.size, _PIECE):
        piece = slice(start, start + _PIECE)
        _piece_cdf(flat[piece], coefficients, flat_out[piece])


def normal_density(x: Array) -> Array:
    """Returns exp(-x*x/2)/sqrt(2*pi)."""
    density = x * x
    density *= -0.5
    np.exp(density, out=density)
    density *= 1 / math.sqrt(2 * math.pi)
    return density


def _piece_cdf(x: Array, coefficients: list[float], out: Array) -> None:
    z = np.minimum(np.abs(x), math.sqrt(2) * _FARTHEST)
    z *= math.sqrt(0.5)
    t = 2 / (2 + z)
    u = t * (2 / (1 - _NEAREST_T))
    u -= (1 + _NEAREST_T) / (1 - _NEAREST_T)
    out.fill(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        out *= u
        out += coefficient
    z *= z
    out -= z
    np.exp(out, out=out)
    t *= 0.5
    out *= t
    # Now out is the tail beyond |x|; for positive x the rest is wanted.
    positive = x > 0
    np.subtract(1, out, out=out, where=positive)


@lru_cache
def _coefficients(terms: int) -> list[float]:
    """Coefficients of g in the powers of u, which runs from -1 to 1 as t does over its range."""
    angles = np.pi * (np.arange(terms) + 0.5) / terms
    t = (np.cos(angles) + 1) / 2 * (1 - _NEAREST_T) + _NEAREST_T
    values: npt.NDArray[np.float64] = np.array([_log_scaled_erfc(float(p)) for p in t])
    series = [2 / terms * math.fsum(values * np.cos(k * angles)) for k in range(terms)]
    series[0] /= 2
    return [float(c) for c in np.polynomial.chebyshev.cheb2poly(series)]


def _log_scaled_erfc(t: float) -> float:
    """g(t) = log(erfc(z) * exp(z*z) / t) at z = 2/t - 2."""
    with localcontext() as context:
        context.prec = 40
        z = 2 / Decimal(t) - 2
        root_pi = Decimal("1.772453850905516027298167483341145182798")
        if z < 2:
            # erf(z) = 2/sqrt(pi) * exp(-z*z) * sum of z*(2z*z)^n / (1*3*5*...*(2n+1))
            term = total = z
            for n in range(1, 100):
                term *= 2 * z * z / (2 * n + 1)
                total += term
            scaled = (z * z).exp() - 2 / root_pi * total
        else:
            fraction = z
            for n in range(400, 0, -1):
                fraction = z + Decimal(n) / 2 / fraction
            scaled = 1 / (root_pi * fraction)
        return float((scaled / Decimal(t)).ln())
