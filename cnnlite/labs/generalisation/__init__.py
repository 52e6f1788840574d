"""What a network can memorise says nothing about what it learns.

The same network that classifies images well learns random labels just as completely (Zhang et al.
2017).  `corruption` takes from the data what there is to generalise from, `experiment` trains on
what is left, with and without regularisers, and `finite_sample` builds the network that fits any
points: the paper's theorem, as a function.
"""

import math
from fractions import Fraction
from functools import partial

import numpy as np

from cnnlite.data import Dataset
from cnnlite.labs.generalisation import corruption as co
from cnnlite.labs.generalisation import experiment as ex
from cnnlite.labs.generalisation.finite_sample import interpolate
from cnnlite.labs.generalisation.picture import draw
from cnnlite.labs.lab import Findings, Lab, Settings, Statement, Table, Worst

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
ROUNDING = 1e-10  # of the largest y; see interpolation


def interpolation(cases: int, largest: int, rng: np.random.Generator) -> list[Statement]:
    """Check the theorem: in fractions exactly, in float64 to rounding, and as layers.

    Args:
        cases: random sets of points of each kind.
        largest: points in the large sets.
        rng: draws the points, the targets and the directions.
    """
    count = Worst("two layers that fit n points: 2n + d weights", 0)
    exact = Worst("they fit exactly, in fractions", 0)
    rounded = Worst("they fit in float64, of the largest y", ROUNDING)
    large = Worst(f"the same for n = {largest} points", ROUNDING)
    labels = Worst("as layers they give each point its label", 0)
    for _ in range(cases):
        n, d = int(rng.integers(1, 13)), int(rng.integers(1, 6))
        X = _fractions(rng.permutation(40**d if d < 3 else 10**5)[:n], d)
        y = np.array([Fraction(int(p), int(q)) for p, q in rng.integers(1, 99, (n, 2))], object)
        found = interpolate(X, y, rng)
        count.add(abs(found.num_weights - (2 * n + d)))
        exact.add(float(np.abs(found(X) - y).max()))

        n, d = int(rng.integers(1, 300)), int(2 ** rng.uniform(0, 10))
        X, y = _points(n, d, rng), rng.standard_normal(n)
        rounded.add(np.abs(interpolate(X, y, rng)(X) - y) / np.abs(y).max())
        y = rng.integers(0, 10, n).astype(np.float64)
        network = interpolate(X, y, rng).network()
        labels.add(np.abs(network(X)[:, 0].round() - y))
    for d in (1, 3, 100):
        X, y = _points(largest, d, rng), rng.standard_normal(largest)
        large.add(np.abs(interpolate(X, y, rng)(X) - y) / np.abs(y).max())
    return [worst.statement for worst in (count, exact, rounded, large, labels)]


def _fractions(numbers: np.ndarray, d: int) -> np.ndarray:
    """Return different points of d fractions each: the digits of different whole numbers."""
    digits = [[Fraction(int(number) // 40**k % 40, 7) for k in range(d)] for number in numbers]
    return np.array(digits, object)


def _points(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Return points of a random kind: normally distributed, in a cube, in clusters, or pixels."""
    kind = rng.integers(4)
    if kind == 0:
        return rng.standard_normal((n, d))
    if kind == 1:
        return rng.random((n, d))
    if kind == 2:
        return rng.integers(0, 3, (n, d)) + 1e-3 * rng.standard_normal((n, d))
    # Columns of whole numbers, the first of which tells the points apart.
    pixels = rng.integers(0, 256, (n, d)).astype(np.float64)
    pixels[:, 0] = rng.permutation(n)
    return pixels


def changes_are_what_they_say(
    images: np.ndarray, cases: int, rng: np.random.Generator
) -> list[Statement]:
    """Check what the changes leave of the data, over random seeds."""
    kept = Worst("shuffled, random pixels: images keep theirs", 0)
    undone = Worst("shuffled pixels: one permutation undoes all", 0)
    share = Worst("random labels: 1 - p + p/10 stay true (sigma)", 5)
    for _ in range(cases):
        seed = int(rng.integers(2**31))
        some = images[rng.integers(len(images), size=3)]
        for change in (co.shuffled_pixels, co.random_pixels):
            changed = change(some, np.random.default_rng(seed))
            kept.add(np.abs(_sorted_pixels(changed) - _sorted_pixels(some)))
        back = np.random.default_rng(seed).permutation(some.shape[2] * some.shape[3]).argsort()
        flat = co.shuffled_pixels(some, np.random.default_rng(seed)).reshape(*some.shape[:2], -1)
        undone.add(flat[:, :, back].reshape(some.shape) != some)
        p, n = float(rng.random()), 2000
        labels = rng.integers(0, 10, n)
        true = np.mean(co.random_labels(labels, p, 10, np.random.default_rng(seed)) == labels)
        expected = 1 - p + p / 10
        share.add(abs(true - expected) / math.sqrt(expected * (1 - expected) / n))
    return [worst.statement for worst in (kept, undone, share)]


def _sorted_pixels(images: np.ndarray) -> np.ndarray:
    """Return each image's pixels in order of their colour, as whole numbers (N, H W)."""
    r, g, b = (images[:, c].astype(np.int64) for c in range(3))
    return np.sort((r * 256 + g) * 256 + b, axis=None).reshape(len(images), -1)


def trainings(
    data: Dataset, epochs: int, settings: Settings
) -> tuple[dict[str, ex.Training], dict[float, ex.Training], dict[tuple[str, str], ex.Training]]:
    """Train on the five kinds of data, on shares of random labels, and with regularisers.

    Returns:
        The trainings by kind, by share, and by (kind, regulariser) for true and random labels.
    """
    by_kind, by_share, by_regulariser = {}, {}, {}
    for kind in co.KINDS:
        settings.say(f"training on {kind}")
        by_kind[kind] = ex.train(co.corrupted(data, kind, settings.seed), epochs)
    by_share[0.0], by_share[1.0] = by_kind["true labels"], by_kind["random labels"]
    for share in SHARES[1:-1]:
        settings.say(f"training with {share:.0%} of the labels random")
        changed = co.corrupted(data, "random labels", settings.seed, share)
        by_share[share] = ex.train(changed, epochs, seed=settings.seed)
    for kind in co.KINDS[:2]:
        by_regulariser[kind, "none"] = by_kind[kind]
        for regulariser in ex.REGULARISERS[1:]:
            settings.say(f"training on {kind} with {regulariser}")
            changed = co.corrupted(data, kind, settings.seed)
            trained = ex.train(changed, epochs, regulariser, settings.seed)
            by_regulariser[kind, regulariser] = trained
    return by_kind, dict(sorted(by_share.items())), by_regulariser


def learnt(by_kind: dict[str, ex.Training], data: Dataset) -> list[Statement]:
    """State the results of the trainings without regularisers."""
    heart = Worst("each of the five is learnt: training error", 0.02)
    for training in by_kind.values():
        heart.add(1 - training.train_acc)
    chance, n = ex.chance(data), len(data["y_val"])
    guess = Worst("random labels: validation is chance (sigma)", 5)
    error = abs(by_kind["random labels"].val_acc - chance)
    guess.add(error / math.sqrt(chance * (1 - chance) / n))
    return [heart.statement, guess.statement]


def run(settings: Settings) -> Findings:
    """Check the theorem and the changes, and train on what they leave."""
    rng = settings.rng()
    real = settings.data == "cifar10"
    count = (None if real else 12_000) if settings.full else (5000 if real else 1000)
    epochs = 200 if settings.full else 60
    data = settings.images(count, 1000)
    settings.say("the theorem")
    cases = 300 if settings.full else 50
    statements = interpolation(cases, 20_000 if settings.full else 5000, rng)
    statements += changes_are_what_they_say(data["X_train"][:100], cases, rng)
    by_kind, by_share, by_regulariser = trainings(data, epochs, settings)
    statements += learnt(by_kind, data)
    setting = (
        f"{len(data['y_train'])} images ({data.name}), two convolutions and two linear layers, "
        f"SGD with momentum, at most {epochs} epochs, until the loss is below {ex.BY_HEART}"
    )
    mixed = {f"{share:.0%} random labels": by_share[share] for share in by_share if 0 < share < 1}
    regularised = {
        f"{kind.split()[0]}, {name}": by_regulariser[kind, name] for kind, name in by_regulariser
    }
    tables = [
        _table("what is learnt, and what it is worth", "data", by_kind | mixed),
        _table("with a regulariser", "labels, regulariser", regularised),
    ]
    steps = -(-len(data["y_train"]) // ex.BATCH)
    picture = partial(draw, by_kind, by_share, by_regulariser, steps)
    return Findings(setting, statements, tables, picture, (9, 6.8))


def _table(title: str, first: str, trainings: dict[str, ex.Training]) -> Table:
    rows = [
        (
            name,
            f"{t.steps}{'' if t.by_heart else ', not by heart'}",
            f"{t.train_acc:.1%}",
            f"{t.val_acc:.1%}",
        )
        for name, t in trainings.items()
    ]
    return Table(title, (first, "steps", "training accuracy", "validation accuracy"), rows)


LAB = Lab("generalisation", "A network that generalises learns random labels as well", run)
