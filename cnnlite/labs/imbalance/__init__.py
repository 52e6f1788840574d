"""Rare classes: what a network makes of them, and what losses can do about it.

`counting` makes the classes exponentially rarer and computes their effective number of images,
`experiment` trains with focal loss and class-balanced weights.
"""

from functools import partial

import numpy as np

from cnnlite.labs.imbalance import counting as ct
from cnnlite.labs.imbalance import experiment as ex
from cnnlite.labs.imbalance.picture import draw
from cnnlite.labs.lab import Findings, Lab, Settings, Statement, Table, Worst
from cnnlite.losses import CrossEntropyLoss, FocalLoss, class_balanced_weight

ROUNDING = 1e-10
FACTOR = 100
RARE = 3
"""How many of the rarest classes, and of the commonest, the table averages."""


def of_numbers(cases: int, rng: np.random.Generator) -> list[Statement]:
    """Check the effective number of images, against its sum and against drawing.

    Args:
        cases: random settings.
        rng: draws the settings and the samples.
    """
    total = Worst("E(n) = 1 + beta + ... + beta^(n-1), relative", ROUNDING)
    drawn = Worst("n draws of N things cover E(n) (sigma)", 5)
    weights = Worst("class-balanced weights: w E is the same for all", ROUNDING)
    for _ in range(cases):
        n, beta = int(rng.integers(1, 2000)), float(1 - 10 ** rng.uniform(-5, -0.01))
        direct = float(np.sum(beta ** np.arange(n)))
        total.add(abs(ct.effective_number(n, beta) - direct) / direct)
        n, things = int(rng.integers(2, 200)), int(rng.integers(2, 300))
        seen = ct.covered(n, things, 2000, rng)
        expected = ct.effective_number(n, (things - 1) / things)
        drawn.add(abs(seen.mean() - expected) / max(seen.std() / 2000**0.5, 1e-3))
        counts = rng.integers(1, 5000, int(rng.integers(2, 12)))
        weight = class_balanced_weight(counts, beta)
        product = weight * [ct.effective_number(int(c), beta) for c in counts]
        weights.add(float(np.ptp(product) / product.max()))
    return [worst.statement for worst in (total, drawn, weights)]


def of_losses(cases: int, rng: np.random.Generator) -> list[Statement]:
    """Check focal loss and weights, over random scores.

    - With gamma 0 focal loss is cross entropy, loss and gradient.
    - Its gradient is the loss's derivative (central differences).
    - Its gradient is that of cross entropy times (1-p)^g - g p (1-p)^(g-1) log p, p the target's
      probability: so it has the same direction, for each image.
    - Cross entropy with weights 1 / n(c) is the mean over classes of the classes' mean losses.
    - Where classes have the shares s(c), p(c | x) / s(c), made to sum to 1, is what p(c | x) would
      be with equal shares: so log s(c) is to be subtracted from a score.
    """
    same = Worst("focal loss with gamma 0 is cross entropy", ROUNDING)
    derivative = Worst("focal loss: gradient against differences", 1e-8)
    slope = Worst("focal loss: slope times cross entropy's gradient", ROUNDING)
    means = Worst("weights 1 / n: the mean of the classes' means", ROUNDING)
    shift = Worst("scores less log share: equal shares' posterior", ROUNDING)
    for _ in range(cases):
        n, classes = int(rng.integers(2, 40)), int(rng.integers(2, 11))
        scores, y = 3 * rng.standard_normal((n, classes)), rng.integers(0, classes, n)
        gamma, weight = float(rng.uniform(0, 5)), rng.random(classes) + 0.1
        plain = CrossEntropyLoss(weight)
        value, cache = plain.forward(scores, y)
        focal, focal_cache = FocalLoss(0.0, weight).forward(scores, y)
        gradient = plain.backward(cache)
        apart = np.abs(FocalLoss().backward(focal_cache) - gradient)
        same.add(max(float(apart.max()), abs(float(focal) - float(value))))

        loss = FocalLoss(gamma, weight)
        found = loss.backward(loss.forward(scores, y)[1])
        step = 1e-5 * rng.standard_normal(scores.shape)
        change = float(loss(scores + step, y)) - float(loss(scores - step, y))
        derivative.add(abs(change - 2 * float(np.sum(found * step))) / 2e-5)

        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = (p / p.sum(axis=1, keepdims=True))[np.arange(n), y]
        factor = (1 - p) ** gamma - gamma * p * (1 - p) ** (gamma - 1) * np.log(p)
        slope.add(np.abs(found - factor[:, None] * gradient))

        counts = np.bincount(y, minlength=classes)
        weighted = CrossEntropyLoss(1 / np.maximum(counts, 1))(scores, y)
        there = np.flatnonzero(counts)
        each = [float(CrossEntropyLoss()(scores[y == c], y[y == c])) for c in there]
        means.add(abs(float(weighted) - float(np.mean(each))))

        shift.add(_shifted_posterior(rng))
    return [worst.statement for worst in (same, derivative, slope, means, shift)]


def _shifted_posterior(rng: np.random.Generator) -> np.ndarray:
    """Return the error of log p(c | x) - log s(c), for 7 possible images and 4 classes."""
    of_class = rng.dirichlet(np.ones(7), 4)  # p(x | c), a row for each class
    shares = rng.dirichlet(np.ones(4))
    equal = of_class / of_class.sum(axis=0)
    joint = of_class * shares[:, None]
    scores = np.log(joint / joint.sum(axis=0)) - np.log(shares)[:, None]
    found = np.exp(scores - scores.max(axis=0))
    return np.abs(found / found.sum(axis=0) - equal)


def run(settings: Settings) -> Findings:
    """Check the numbers and the losses, and train on imbalanced classes with each remedy."""
    rng = settings.rng()
    cases = 500 if settings.full else 50
    settings.say("numbers and losses")
    statements = of_numbers(cases, rng) + of_losses(cases, rng)
    data = ct.imbalanced(settings.images(None, 1000), FACTOR)
    counts = np.bincount(data["y_train"])
    epochs = 200 if settings.full else 30
    matrices: dict[str, np.ndarray] = {}
    for name, loss in ex.remedies(counts).items():
        settings.say(f"training with {name}")
        outcome = ex.train(data, loss, epochs, settings.seed)
        matrices[name] = outcome.matrix
        if name == "cross-entropy":
            matrices[ex.SHIFTED] = outcome.shifted
    rows = Worst("confusion matrices: rows sum to the classes", 0)
    for matrix in matrices.values():
        rows.add(np.abs(matrix.sum(axis=1) - np.bincount(data["y_val"])))
    setting = (
        f"{len(data['y_train'])} images ({data.name}: {counts.max()} to {counts.min()} a class), "
        f"two convolutions and two linear layers, {epochs} epochs; gamma {ex.GAMMA:g}, beta "
        f"{ex.BETA:g}"
    )
    table = Table(
        f"validation accuracy, and that of the {RARE} commonest and the {RARE} rarest classes",
        ("loss", "all", "common", "rare"),
        [_row(name, matrix) for name, matrix in matrices.items()],
    )
    picture = partial(draw, counts, matrices, data.class_names)
    return Findings(setting, [*statements, rows.statement], [table], picture, (10, 7.6))


def _row(name: str, matrix: np.ndarray) -> tuple[str, ...]:
    each = ct.class_accuracy(matrix)
    parts = each[:RARE].mean(), each[-RARE:].mean()
    overall = np.trace(matrix) / matrix.sum()
    return name, *(f"{part:.1%}" for part in (overall, *parts))


LAB = Lab("imbalance", "Rare classes: effective numbers, focal loss, class-balanced weights", run)
