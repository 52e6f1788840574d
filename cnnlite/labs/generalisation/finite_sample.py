"""A network that learns anything by heart: the constructive proof, as a function.

Theorem.  For any n points in R^d that differ from each other and any n numbers y, there is a
two-layer ReLU network with 2n + d weights whose output at the i-th point is y[i].

Proof.  Take a direction a along which no two points meet (almost every direction will do), and let
z[i] = a . x[i], numbered so that z[0] < z[1] < ...  The network is

    c(x) = sum over j of w[j] * max(a . x - b[j], 0),    b[0] < z[0] <= b[1] < z[1] <= b[2] < ...

with d weights in a, n in b and n in w.  At point i the terms j > i are zero, and term i is not:
y = M w, where M[i, j] = max(z[i] - b[j], 0) is lower triangular with a positive diagonal.  So it
can be solved for w, from the first point to the last.

Source: Zhang et al. 2017, section 4, theorem 1 and appendix C.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnlite.layers import Linear, ReLU, Sequential

_TRIES = 20


@dataclass(frozen=True)
class Interpolant:
    """The network c(x) = sum of w[j] * max(a . x - b[j], 0).

    Args:
        a: (d,) the direction.
        b: (n,) where each unit begins, ascending.
        w: (n,) what each unit adds to the slope.
    """

    a: np.ndarray
    b: np.ndarray
    w: np.ndarray

    @property
    def num_weights(self) -> int:
        """2n + d."""
        return self.a.size + self.b.size + self.w.size

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Return c(x) for each row of X (N, d), summed over j = 0, 1, 2, ... in this order."""
        z = project(X, self.a)
        total = np.zeros_like(z)
        for b, w in zip(self.b, self.w, strict=True):
            total += w * np.maximum(z - b, 0)
        return total

    def network(self) -> Sequential:
        """Return it as layers, in float64: each row of the first one's weight is a."""
        n, d = self.w.size, self.a.size
        first, second = Linear(d, n, dtype=np.float64), Linear(n, 1, False, np.float64)
        first.params["weight"][...] = self.a
        first.params["bias"][...] = -self.b
        second.params["weight"][...] = self.w
        return Sequential(first, ReLU(), second)


def project(X: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return a . x for each row of X: a sum along each row by itself.

    A matrix product may sum a row in another order when there are other rows beside it, and so
    give another last digit.
    """
    return (X * a).sum(axis=1)


def interpolate(X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Interpolant:
    """Build the weights of the theorem.

    In floating point each weight is computed from what the terms before it sum up to, rounded as
    the network itself will round them.  So no error accumulates: each weight makes up for the
    rounding of all before it.

    Args:
        X: (n, d) points: float64, or Python's Fractions (dtype object), with which all is exact.
        y: (n,) the network's outputs there, of the same kind.
        rng: draws directions, of which the one that separates the nearest two points best is taken.

    Raises:
        ValueError: shapes do not fit, or no direction tells two points apart.
    """
    if X.ndim != 2 or y.shape != X.shape[:1] or not X.size:
        raise ValueError(
            f"interpolate: X has shape {X.shape} and y {y.shape}, expected (n, d) and (n,)"
        )
    a = _direction(X, rng)
    z = project(X, a)
    order = z.argsort()
    z, target = z[order], y[order]
    # Each unit begins at the point before its own, so c is linear from point to point.
    b = np.concatenate([z[:1] - 1, z[:-1]])
    w = np.zeros_like(z)
    total = np.zeros_like(z)
    for j in range(len(z)):
        w[j] = (target[j] - total[j]) / (z[j] - b[j])
        total[j:] += w[j] * (z[j:] - b[j])
    return Interpolant(a, b, w)


def _direction(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the best of some random directions: the one with the largest relative smallest gap."""
    directions = [_draw(X, rng) for _ in range(_TRIES)]
    gaps = [_smallest_gap(project(X, a)) for a in directions]
    best = max(range(_TRIES), key=gaps.__getitem__)
    if not gaps[best]:
        raise ValueError(
            "interpolate: two points are the same, or too near to be told apart in this precision"
        )
    return directions[best]


def _smallest_gap(z: np.ndarray) -> Any:
    """Return the smallest distance of two numbers over the largest; 1 for a single number."""
    z = np.sort(z)
    return (z[1:] - z[:-1]).min() / (z[-1] - z[0]) if z[0] < z[-1] else int(len(z) == 1)


def _draw(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random direction, of the same kind of numbers as X."""
    d = X.shape[1]
    if X.dtype != object:
        return np.asarray(rng.standard_normal(d))
    number = type(X[0, 0])
    return np.array([number(int(k)) for k in rng.integers(-(10**6), 10**6, size=(d,))], object)
