"""Convex Lipschitz functions of which a minimiser, or a good point, is known."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cnnlite.data import Dataset
from cnnlite.labs.lab import pixels


class Convex(NamedTuple):
    """A convex function of d numbers.

    Args:
        value: f(w).
        slope: a subgradient at w, (d,): f(u) >= f(w) + <slope(w), u - w> for every u.
        best: w*, what it is compared with; a minimiser where one is known.
        lipschitz: rho, a bound on the length of all slopes.
    """

    name: str
    value: Callable[[np.ndarray], float]
    slope: Callable[[np.ndarray], np.ndarray]
    best: np.ndarray
    lipschitz: float

    @property
    def radius(self) -> float:
        """B, the distance of w* from zero, where all paths start."""
        return float(np.linalg.norm(self.best))


def kink(rho: float, radius: float) -> Convex:
    """Return rho |w - B|, a function of one number.

    Half of the bound is lost in the sqrt(T) steps that it takes to come near B; no bound of this
    kind can be better by more than a constant factor.
    """
    best = np.array([radius])
    return Convex(
        "one kink",
        lambda w: float(rho * abs(w[0] - radius)),
        lambda w: rho * np.sign(w - best),
        best,
        rho,
    )


def mean_of_kinks(A: np.ndarray, best: np.ndarray) -> Convex:
    """Return the mean of |<a_i, w - w*>| over the rows of A: least absolute deviations."""
    return Convex(
        "mean of kinks",
        lambda w: float(np.mean(np.abs(A @ (w - best)))),
        lambda w: np.sign(A @ (w - best)) @ A / len(A),
        best,
        float(np.linalg.norm(A, axis=1).mean()),
    )


def worst_of_kinks(A: np.ndarray, best: np.ndarray) -> Convex:
    """Return the largest of |<a_i, w - w*>|: only one row counts at a time."""

    def slope(w: np.ndarray) -> np.ndarray:
        errors = A @ (w - best)
        i = np.argmax(np.abs(errors))
        return np.sign(errors[i]) * A[i]

    return Convex(
        "largest of kinks",
        lambda w: float(np.abs(A @ (w - best)).max()),
        slope,
        best,
        float(np.linalg.norm(A, axis=1).max()),
    )


def distance(rho: float, best: np.ndarray) -> Convex:
    """Return rho |w - w*|: a cone."""

    def slope(w: np.ndarray) -> np.ndarray:
        length = np.linalg.norm(w - best)
        return rho * (w - best) / length if length > 0 else np.zeros_like(w)

    return Convex("cone", lambda w: float(rho * np.linalg.norm(w - best)), slope, best, rho)


def logistic(X: np.ndarray, y: np.ndarray, best: np.ndarray, name: str = "logistic") -> Convex:
    """Return the mean of ln(1 + exp(-y_i <x_i, w>)), a linear classifier's loss, y_i -1 or 1."""
    Z = X * y[:, None]

    def slope(w: np.ndarray) -> np.ndarray:
        return -0.5 * (1 - np.tanh(Z @ w / 2)) @ Z / len(Z)  # the sigmoid of -z

    lipschitz = float(np.linalg.norm(Z, axis=1).mean())
    return Convex(name, lambda w: float(np.mean(np.logaddexp(0, -Z @ w))), slope, best, lipschitz)


def of_images(images: Dataset, steps: int) -> Convex:
    """Return the logistic loss that tells the first two classes of a data set apart by pixels.

    Its w* is where a long descent with a step of 1/L ends, where L, the largest curvature, is at
    most a quarter of the largest eigenvalue of Z^T Z / N.
    """
    two = images["y_train"] < 2
    X = pixels(images, np.float64)[two].reshape(two.sum(), -1)
    y = np.where(images["y_train"][two] == 0, -1.0, 1.0)
    w = np.zeros(X.shape[1])
    loss = logistic(X, y, w, "logistic, images")
    eta = 4 * len(X) / np.linalg.norm(X, 2) ** 2
    for _ in range(steps):
        w = w - eta * loss.slope(w)
    return loss._replace(best=w)


def random_function(rng: np.random.Generator) -> Convex:
    """Return any of the above, of 1 to 20 numbers, with random parameters."""
    d, n = int(rng.integers(1, 21)), int(rng.integers(1, 31))
    A, best = rng.standard_normal((n, d)), rng.standard_normal(d)
    rho = float(rng.uniform(0.1, 3))
    choices = [
        kink(rho, float(rng.uniform(0.1, 3))),
        mean_of_kinks(A, best),
        worst_of_kinks(A, best),
        distance(rho, best),
        logistic(A, rng.choice([-1.0, 1.0], n), best),
    ]
    return choices[rng.integers(len(choices))]
