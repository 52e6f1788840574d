"""Gradient descent on a convex function: what a step minimises, and a proof of the bound.

Vectors are arrays (d,); a path is an array (T + 1, d) that begins at w_1 and ends at w_(T+1).
Source: Shalev-Shwartz and Ben-David, "Understanding Machine Learning", 2014, section 14.1.
"""

from collections.abc import Callable

import numpy as np

from cnnlite.labs.descent.functions import Convex


def model(w: np.ndarray, w_t: np.ndarray, value: float, v: np.ndarray, weight: float) -> float:
    """Return the model that a step minimises: value + <v, w - w_t> + weight/2 |w - w_t|^2.

    Near w_t, a function is given by its value and its slope v; the last term penalises long steps.
    """
    return float(value + v @ (w - w_t) + weight / 2 * np.sum((w - w_t) ** 2))


def proximal_step(w_t: np.ndarray, v: np.ndarray, weight: float) -> np.ndarray:
    """Return the minimiser of `model`: w_t - v / weight, a gradient step with eta = 1/weight.

    The model's gradient v + weight (w - w_t) is zero there.  As the model is a parabola,
    model(proximal_step + d) = model(proximal_step) + weight/2 |d|^2 for every d, so it is larger
    everywhere else.
    """
    return w_t - v / weight


def descend(
    slope: Callable[[np.ndarray], np.ndarray], w: np.ndarray, eta: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Take steps w - eta v with v = slope(w).

    Returns:
        The path (steps + 1, d), and the slopes (steps, d).
    """
    path, slopes = np.empty((steps + 1, w.size)), np.empty((steps, w.size))
    path[0] = w
    for t in range(steps):
        slopes[t] = slope(path[t])
        path[t + 1] = path[t] - eta * slopes[t]
    return path, slopes


def telescope(
    path: np.ndarray, slopes: np.ndarray, eta: float, target: np.ndarray
) -> tuple[float, float]:
    """Return both sides of the telescoping lemma, for any vectors v_t and any target w*:

        sum <w_t - w*, v_t> = (|w_1 - w*|^2 - |w_(T+1) - w*|^2) / (2 eta) + eta/2 sum |v_t|^2.

    For |w_(t+1) - w*|^2 = |w_t - w*|^2 - 2 eta <w_t - w*, v_t> + eta^2 |v_t|^2, and in the sum
    over t all distances but the first and the last cancel.  The v_t may be any vectors: they need
    not be gradients of anything.
    """
    left = np.sum((path[:-1] - target) * slopes)
    ends = np.sum((path[0] - target) ** 2) - np.sum((path[-1] - target) ** 2)
    return float(left), float(ends / (2 * eta) + eta / 2 * np.sum(slopes**2))


def averaged(
    function: Convex, path: np.ndarray, slopes: np.ndarray, target: np.ndarray
) -> tuple[float, float]:
    """Return both sides of the first-order inequality for the mean of the iterates, f convex:

        f(mean w_t) - f(w*) <= 1/T sum <w_t - w*, v_t>.

    By Jensen's inequality f(mean w_t) is at most the mean of f(w_t); and a convex function lies
    above each of its tangents, f(w*) >= f(w_t) + <w* - w_t, v_t>.
    """
    points = path[:-1]
    gap = function.value(points.mean(axis=0)) - function.value(target)
    return float(gap), float(np.sum((points - target) * slopes) / len(points))


def best_step(radius: float, lipschitz: float, steps: int) -> float:
    """Return eta = B / (rho sqrt(T)), which makes the bound of `gap` smallest."""
    return radius / (lipschitz * np.sqrt(steps))


def bound(radius: float, lipschitz: float, steps: int) -> float:
    """Return B rho / sqrt(T)."""
    return radius * lipschitz / np.sqrt(steps)


def gap(function: Convex, steps: int) -> float:
    """Return f(mean w_t) - f(w*) after T steps from zero; at most B rho / sqrt(T) if |w*| <= B.

    The inequality for the mean, then the telescoping lemma without its negative term, then
    |v_t| <= rho give f(mean w_t) - f(w*) <= B^2 / (2 eta T) + eta rho^2 / 2.  The step eta that
    makes this smallest makes both terms equal.
    """
    eta = best_step(function.radius, function.lipschitz, steps)
    w = total = np.zeros(function.best.size)
    for _ in range(steps):  # as `descend` does, without keeping the path
        total = total + w
        w = w - eta * function.slope(w)
    return function.value(total / steps) - function.value(function.best)
