"""f(w) = (w - 2)^2/2 + (w + 1)^2/2 = (w - 1/2)^2 + 9/4, and steps that see only half of it.

A step draws one of the two parts with equal probability, whose minimum c is 2 or -1, and goes down
that part alone: w+ = w - eta (w - c).  Numbers may be floats or Fractions; with Fractions all of
this is exact.
"""

from fractions import Fraction
from typing import Any

import numpy as np

Number = Any  # a float, a Fraction, or an array of either
MINIMA = (2, -1)  # of the two parts
BEST = Fraction(1, 2)  # where the total has its minimum, 9/4
HALF = Fraction(3, 2)  # from there to either


def total(w: Number) -> Number:
    """Return f(w)."""
    return sum((w - c) ** 2 / 2 for c in MINIMA)


def step(w: Number, c: Number, eta: Number) -> Number:
    """Return where a step down the part whose minimum is c leads."""
    return w - eta * (w - c)


def rising_interval(c: Number, eta: Number) -> tuple[Number, Number]:
    """Return the open interval of w from which the step towards c raises the total.

    With u = w - 1/2 and a = c - 1/2, so a = 3/2 or -3/2, the total is u^2 + 9/4, and the step
    leads to u+ = (1 - eta) u + eta a.  So it rises by

        u+^2 - u^2 = (u+ - u)(u+ + u) = eta (a - u) ((2 - eta) u + eta a),

    which for 0 < eta < 2 is positive exactly between u = a and u = -a eta/(2 - eta): where the part
    and the total slope opposite ways and, beyond the best point, where the step overshoots it by
    more than its distance from it.
    """
    a = c - BEST
    ends = BEST + a, BEST - a * eta / (2 - eta)
    return min(ends), max(ends)


def mean_change(w: Number, eta: Number) -> Number:
    """Return E f(w+) - f(w) = eta^2 9/4 - eta (2 - eta) (w - 1/2)^2.

    This is the mean of u+^2 - u^2 over both parts: what they agree on moves the total down in
    proportion to eta, and what they disagree on moves it up in proportion to eta^2.
    """
    return eta**2 * HALF**2 - eta * (2 - eta) * (w - BEST) ** 2


def resting_excess(eta: Number) -> Number:
    """Return E f(w) - 9/4 = 9 eta / (4 (2 - eta)) in the long run, for 0 < eta < 2.

    There `mean_change` is zero on average.  SGD with a constant step does not converge: its points
    form a cloud, whose size falls with eta.
    """
    return HALF**2 * eta / (2 - eta)


def simulate(eta: float, steps: int, rng: np.random.Generator, w: float = 4.0) -> np.ndarray:
    """Run SGD from w, and return the points (steps + 1,)."""
    path = np.empty(steps + 1)
    path[0] = w
    for t, c in enumerate(rng.choice(MINIMA, steps)):
        path[t + 1] = step(path[t], c, eta)
    return path


def share_of_rises(path: np.ndarray) -> float:
    """Return the share of a path's steps after which the total is larger than before.

    For eta = 1/2 it is 2/3 in the long run: u+ = u/2 +- 3/4 writes random binary digits, so u
    is uniform on (-3/2, 3/2), and two thirds of that is each part's `rising_interval`.
    """
    excess = (path - 0.5) ** 2
    return float(np.mean(excess[1:] > excess[:-1]))
