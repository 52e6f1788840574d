"""Functions of single numbers with the same bits on every machine.

Those of Python's math module, and its powers, are the C library's, whose last digit differs from
system to system.  Here the result is computed in decimal arithmetic to 40 digits and rounded once,
so it is the float next to the true value.
"""

import math
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from functools import lru_cache

__all__ = ["cos", "expm1", "log", "power"]

_DIGITS = Context(prec=40, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
_NOTHING = Decimal("1e-42")


@lru_cache(maxsize=1024)  # every parameter of a step asks for the same powers
def power(base: float, exponent: float) -> float:
    """Return base to the power of exponent, for finite numbers; infinite where it overflows."""
    if base == 0 or exponent in (0, 1) or not math.isfinite(base * exponent):
        return float(base**exponent)  # exact
    return float(_DIGITS.power(Decimal(base), Decimal(exponent)))


def log(x: float) -> float:
    """Return the natural logarithm of a finite number above 0."""
    return float(_DIGITS.ln(Decimal(x)))


def expm1(x: float) -> float:
    """Return e to the power of a finite x, less 1."""
    return float(_DIGITS.subtract(_DIGITS.exp(Decimal(x)), Decimal(1)))


def cos(x: float) -> float:
    """Return the cosine of x, in radians, from -7 to 7: the sum of its series."""
    negative_square = _DIGITS.multiply(Decimal(x), Decimal(-x))
    term = total = Decimal(1)
    n = 1
    while abs(term) > _NOTHING:
        term = _DIGITS.divide(_DIGITS.multiply(term, negative_square), Decimal(n * (n + 1)))
        total = _DIGITS.add(total, term)
        n += 2
    return float(total)
