"""Where two correct programs part: sums of products, added up in different orders.

Theorem.  Let s be the sum of the n products a[i] * b[i], computed in floating point with unit
roundoff u, in any order.  Then

    |s - exact| <= gamma(n) * sum of |a[i] * b[i]|,    gamma(n) = n u / (1 - n u).

Proof.  Each product is rounded once, and enters at most n - 1 additions, whatever the order; each
rounding multiplies it with some 1 + d, |d| <= u.  A product of at most n such factors differs from
1 by at most gamma(n).

The bound allows two orders to differ, and they do: floating-point addition is not associative.

Source: Higham, "Accuracy and stability of numerical algorithms", 2nd edition 2002, section 3.1.
"""

import math

import numpy as np


def gamma(n: int, dtype: np.dtype) -> float:
    """Return n u / (1 - n u), u half the distance from 1 to the next number."""
    u = float(np.finfo(dtype).eps) / 2
    return n * u / (1 - n * u)


def exact(a: np.ndarray, b: np.ndarray) -> float:
    """Return the sum of a[i] * b[i], rounded once.

    Args:
        a, b: float32, whose products float64 holds without rounding.
    """
    return math.fsum(a.astype(np.float64) * b)


def bound(a: np.ndarray, b: np.ndarray) -> float:
    """Return how far a sum of a[i] * b[i] in any order may be from the exact one."""
    return gamma(len(a), a.dtype) * exact(np.abs(a), np.abs(b))


def one_by_one(products: np.ndarray) -> float:
    """Add from the first to the last, as a loop does."""
    return float(np.add.accumulate(products)[-1])


def by_halves(products: np.ndarray) -> float:
    """Add the sums of both halves, as NumPy and many kernels do."""
    n = len(products)
    if n == 1:
        return float(products[0])
    left, right = by_halves(products[: n // 2]), by_halves(products[n // 2 :])
    return float(products.dtype.type(left) + products.dtype.type(right))


def in_lanes(products: np.ndarray, lanes: int = 8) -> float:
    """Add every eighth, then the eight sums, as a vector register does."""
    padded = np.zeros(-(-len(products) // lanes) * lanes, products.dtype)
    padded[: len(products)] = products
    return one_by_one(np.add.accumulate(padded.reshape(-1, lanes))[-1])


def sums(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Return the sum of a[i] * b[i] by order of the additions."""
    products = a * b
    return {
        "one by one": one_by_one(products),
        "backwards": one_by_one(products[::-1]),
        "by halves": by_halves(products),
        "in 8 lanes": in_lanes(products),
    }
