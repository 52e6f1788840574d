"""Gradient descent on convex functions: what a step minimises, and how fast the mean gets there.

Three lemmas (`lemmas`) give f(mean w) - f(w*) <= B rho / sqrt(T) for every convex function whose
slopes are at most rho.  They are checked on `functions`, and the gap is measured over T.
"""

from functools import partial

import numpy as np

from cnnlite.labs.descent import functions as fn
from cnnlite.labs.descent import lemmas as lm
from cnnlite.labs.descent.picture import draw
from cnnlite.labs.lab import Findings, Lab, Settings, Statement, Table, Worst

ROUNDING = 1e-10  # relative, for sums of some hundred terms that cancel


def theorems(cases: int, rng: np.random.Generator) -> list[Statement]:
    """Check each lemma, and the bound, on random functions, points and numbers of steps."""
    step = Worst("model(w_t - v/lambda + d) = model(w_t - v/lambda) + lambda/2 |d|^2", ROUNDING)
    sums = Worst("telescoping: sum <w_t - w*, v_t>, for any vectors v_t", ROUNDING)
    mean = Worst("f(mean w_t) - f(w*) <= 1/T sum <w_t - w*, v_t>, f convex", ROUNDING)
    fast = Worst("f(mean w_t) - f(w*) <= B rho / sqrt(T), f convex and rho-Lipschitz", ROUNDING)
    for _ in range(cases):
        step.add(proximal_error(rng))
        sums.add(telescoping_error(rng))
        f, T = fn.random_function(rng), int(rng.integers(1, 200))
        start, target = rng.standard_normal((2, f.best.size))
        path, slopes = lm.descend(f.slope, start, float(rng.uniform(0.01, 1)), T)
        left, right = lm.averaged(f, path, slopes, target)
        mean.add(max(0, left - right) / max(1, abs(left), abs(right)))
        fast.add(max(0, lm.gap(f, T) - lm.bound(f.radius, f.lipschitz, T)))
    return [worst.statement for worst in (step, sums, mean, fast)]


def proximal_error(rng: np.random.Generator) -> float:
    """Return the lemma's error for the model at a distance d from the proximal step."""
    w_t, v, d = rng.standard_normal((3, rng.integers(1, 50)))
    weight, value = float(rng.uniform(0.1, 10)), float(rng.standard_normal())
    w = lm.proximal_step(w_t, v, weight)
    excess = lm.model(w + d, w_t, value, v, weight) - lm.model(w, w_t, value, v, weight)
    expected = weight / 2 * float(d @ d)
    return abs(excess - expected) / max(1, expected)


def telescoping_error(rng: np.random.Generator) -> float:
    """Return the difference of the lemma's sides for random vectors, whatever w_t is."""
    d, T = rng.integers(1, 50), int(rng.integers(1, 200))
    w, target = rng.standard_normal((2, d))
    eta = float(rng.uniform(0.01, 1))
    path, slopes = lm.descend(lambda _: rng.standard_normal(d), w, eta, T)
    left, right = lm.telescope(path, slopes, eta, target)
    return abs(left - right) / max(1, abs(right), float(eta * np.sum(slopes**2)))


def run(settings: Settings) -> Findings:
    """Check the lemmas on random functions, and measure gaps over the number of steps."""
    rng = settings.rng()
    settings.say("lemmas")
    statements = theorems(3000 if settings.full else 500, rng)

    count = 2000 if settings.full else 500
    settings.say("a classifier of images")
    A, best = rng.standard_normal((30, 20)), rng.standard_normal(20)
    images = fn.of_images(settings.images(count, 0), 2000)
    measured = fn.kink(1.0, 1.0), fn.mean_of_kinks(A, best), fn.worst_of_kinks(A, best), images
    horizons = [4**k for k in range(8 if settings.full else 7)]
    shares: dict[str, list[float]] = {}
    below = Worst("the same, measured on the functions below", ROUNDING)
    for f in measured:
        settings.say(f.name)
        for T in horizons:
            gap, limit = lm.gap(f, T), lm.bound(f.radius, f.lipschitz, T)
            shares.setdefault(f.name, []).append(gap / limit)
            below.add(max(0.0, gap - limit))
    statements.append(below.statement)
    title = "f(mean w) - f(w*) as a share of B rho / sqrt(T), by the number of steps T"
    rows = [(name, *(f"{share:.3f}" for share in values)) for name, values in shares.items()]
    table = Table(title, ("f", *map(str, horizons)), rows)
    setting = (
        "random functions of 1 to 20 numbers; and a linear classifier of classes 0 and 1 of the "
        f"first {count} training images ({settings.data})"
    )
    return Findings(setting, statements, [table], partial(draw, horizons, shares), (9.5, 4.2))


LAB = Lab("descent", "Gradient descent on a convex function: the gap is at most B rho/sqrt(T)", run)
