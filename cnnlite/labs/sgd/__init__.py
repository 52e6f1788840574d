"""Stochastic gradient descent goes down the total only on average.

On two parabolas everything is known exactly: where a step raises the total, how much the total
rises or falls on average, where it ends up (`two_parabolas`).  On a ConvNet it is measured
(`network`).
"""

from fractions import Fraction
from functools import partial

import numpy as np

from cnnlite.labs.lab import Findings, Lab, Settings, Statement, Table, Worst
from cnnlite.labs.sgd import network
from cnnlite.labs.sgd import two_parabolas as tp
from cnnlite.labs.sgd.picture import draw

LR = 0.01  # of the ConvNet
UNSEEN = 1000  # steps until a simulated path no longer depends on its start


def exactly(cases: int, rng: np.random.Generator) -> list[Statement]:
    """Check on random fractions, without any rounding, what is stated for 0 < eta < 2."""
    where = Worst("the total rises just where w is in the rising interval", 0)
    either = Worst("between the minima, -1 < w < 2, one of the two steps raises it", 0)
    mean = Worst("mean change of the total = 9/4 eta^2 - eta (2 - eta) (w - 1/2)^2", 0)
    descent = Worst("a step down the total itself never raises it, for eta < 1", 0)
    for _ in range(cases):
        eta = Fraction(int(rng.integers(1, 200)), 100)
        w = Fraction(int(rng.integers(-300, 401)), 100)
        here = tp.total(w)
        changes = []
        for c in tp.MINIMA:
            low, high = tp.rising_interval(c, eta)
            changes.append(tp.total(tp.step(w, c, eta)) - here)
            where.add(float((changes[-1] > 0) != (low < w < high)))
        if -1 < w < 2:
            either.add(float(max(changes) <= 0))
        mean.add(abs(float(sum(changes) / 2 - tp.mean_change(w, eta))))
        if eta < 1:
            down = w - eta * (2 * w - 1)  # the total's slope is 2 w - 1
            descent.add(max(0.0, float(tp.total(down) - here)))
    return [worst.statement for worst in (where, either, mean, descent)]


def by_simulation(cases: int, steps: int, rng: np.random.Generator) -> list[Statement]:
    """Check where SGD ends, on simulated paths; ten standard deviations are allowed."""
    chance = 10 / np.sqrt(steps)
    inside = Worst("for eta <= 1, a path that is between the minima stays there", 1e-12)
    rises = Worst("eta = 1/2: of all steps, two thirds raise the total", chance)
    rest = Worst("in the long run the total exceeds 9/4 by 9 eta / (4 (2 - eta))", chance)
    for _ in range(cases):
        eta = float(rng.uniform(0.2, 1))
        path = tp.simulate(eta, steps, rng)[UNSEEN:]
        inside.add(max(path.max() - 2, -1 - path.min(), 0))
        excess = float(np.mean((path - 0.5) ** 2))
        rest.add(abs(excess - float(tp.resting_excess(eta))))
        rises.add(abs(tp.share_of_rises(tp.simulate(0.5, steps, rng)[UNSEEN:]) - 2 / 3))
    return [worst.statement for worst in (inside, rises, rest)]


def run(settings: Settings) -> Findings:
    """Check the parabolas, then train the ConvNet with batches of four sizes."""
    rng = settings.rng()
    count, steps = (5000, 1000) if settings.full else (500, 400)
    settings.say("two parabolas")
    statements = exactly(2000, rng) + by_simulation(5, 500_000 if settings.full else 50_000, rng)

    images = settings.images(count, 0)
    y = images["y_train"]
    unbiased = Worst("ConvNet: the mean of all batches' gradients is the full one", 1e-12)
    for size in (1, 5, 20):
        few = network.pixels(images, np.float64)[:60]
        unbiased.add(network.unbiased_error(few, y[:60], size, rng))
    statements.append(unbiased.statement)

    x, courses = network.pixels(images), []
    for size in (5, 20, 100, count):
        settings.say(f"ConvNet, batches of {size}")
        model = network.convnet(settings.rng())
        courses.append(network.train(model, x, y, size, steps, LR, settings.seed))
    setting = (
        f"ConvNet: conv 8, conv 16, linear; the first {count} training images ({images.name}); "
        f"{steps} steps of {LR}, no momentum"
    )
    return Findings(setting, statements, [_table(courses)], partial(draw, courses), (11, 4.2))


def _table(courses: list[network.Course]) -> Table:
    rows = []
    for course in courses:
        rises, own = course.rises, course.after > course.before
        shares = [f"{np.mean(part):.1%}" for part in (rises, *np.array_split(rises, 2), own)]
        rows.append((str(course.batch_size), *shares, f"{course.full[-1]:.3f}"))
    headings = ("images in a batch", "all", "1st half", "2nd half", "own batch's", "last loss")
    return Table("share of steps that raise the loss of all images, and that of their own batch",
                 headings, rows)  # fmt: skip


LAB = Lab("sgd", "Stochastic gradient descent goes down the total only on average", run)
