"""Activations: what zero-centred means, where slopes vanish, and what that does to a network.

The functions and a wrong proof about them (`theory`), gradients on their way back through many
layers (`depth`), and the same ConvNet trained with each (`training`).
"""

from functools import partial

import numpy as np

from cnnlite.labs.activations import theory as th
from cnnlite.labs.activations.depth import flow
from cnnlite.labs.activations.picture import draw
from cnnlite.labs.activations.training import BATCH, LR, train
from cnnlite.labs.lab import Findings, Lab, Settings, Statement, Table, Worst

ROUNDING = 1e-12
DEPTH, WIDTH = 20, 256
GAINS = {"1": 1.0, "sqrt 2": float(np.sqrt(2))}


def random_points(rng: np.random.Generator) -> np.ndarray:
    """Return a thousand numbers of either sign, from 1e-6 to 1e3 in size."""
    return rng.choice([-1.0, 1.0], 1000) * 10 ** rng.uniform(-6, 3, 1000)


def of_functions(cases: int, rng: np.random.Generator) -> list[Statement]:
    """Check what `theory` states, on random points."""
    odd = Worst("softsign, tanh: zero-centred, the mean of g over x and -x is 0", ROUNDING)
    even = Worst("sigmoid, ReLU: it is 1/2, and |x|/2", ROUNDING)
    slopes = Worst("softsign: g'(x) = 1/(1 + |x|)^2", ROUNDING)
    quotient = Worst(
        "softsign: (g(x + h) - g(x - h))/2h tends to it, the error is below h", ROUNDING
    )
    power = Worst("softsign: g'(x) vanishes, 1/(4 x^2) <= g'(x) <= 1/x^2 for |x| >= 1", ROUNDING)
    zero = Worst("softsign: g'(0) = 1", 0)
    mirror = Worst("g odd: g' is even (the wrong proof: g'(-x) = -g'(x))", ROUNDING)
    any_slope = Worst("every number is the slope at 0 of an odd function", ROUNDING)
    softsign = th.ACTIVATIONS["softsign"]
    for _ in range(cases):
        x = random_points(rng)
        for name in th.ODD:
            g = th.ACTIVATIONS[name]
            odd.add(np.abs(th.even_part(g, x)))
            mirror.add(np.abs(th.slope(g, -x) - th.slope(g, x)))
        even.add(np.abs(th.even_part(th.ACTIVATIONS["sigmoid"], x) - 0.5))
        even.add(np.abs(th.even_part(th.ACTIVATIONS["ReLU"], x) / np.abs(x) - 0.5))
        found = th.slope(softsign, x)
        slopes.add(np.abs(found / th.softsign_slope(x) - 1))
        h = float(10 ** rng.uniform(-4, -2))
        quotient.add(np.maximum(0, np.abs(th.central_quotient(softsign, x, h) - found) - h))
        far = found[np.abs(x) >= 1] * x[np.abs(x) >= 1] ** 2
        power.add(np.maximum(0, np.maximum(far - 1, 0.25 - far)))
        zero.add(np.abs(th.slope(softsign, np.array([0.0, -0.0])) - 1))

        polynomial = th.OddPolynomial(rng.standard_normal(rng.integers(1, 6)))
        near = rng.uniform(-1, 1, 100)
        odd.add(np.abs(polynomial(near) + polynomial(-near)) / 2)
        mirror.add(np.abs(polynomial.slope(near) - polynomial.slope(-near)))
        any_slope.add(abs(float(polynomial.slope(np.array(0.0))) - polynomial.c[0]))
    checked = (odd, even, slopes, quotient, power, zero, mirror, any_slope)
    return [worst.statement for worst in checked]


def of_networks(
    networks: int, rng: np.random.Generator, depth: int = DEPTH, width: int = WIDTH
) -> tuple[list[Statement], dict[str, dict[str, np.ndarray]]]:
    """Check what `depth.flow` states, on random networks.

    Returns:
        The statements; and, for each gain and activation, the gradient's norm before each layer,
        relative to that after the last: the geometric mean over the networks.
    """
    limit = Worst("an activation multiplies the gradient's norm by at most max g'", ROUNDING)
    wide = Worst(f"a layer its mean square by gain^2 E g'(z)^2, relatively, width {width}", 0.2)
    norms: dict[str, dict[str, np.ndarray]] = {}
    for gain_name, gain in GAINS.items():
        norms[gain_name] = {}
        for name, g in th.ACTIVATIONS.items():
            logarithms = np.zeros(depth + 1)
            for _ in range(networks):
                flown = flow(g, th.STEEPEST[name], depth, width, gain, rng)
                for excess, ratio in zip(flown.excess, flown.factor / flown.predicted, strict=True):
                    limit.add(max(0.0, float(excess)))
                    wide.add(abs(float(ratio) - 1))
                logarithms += np.log(flown.gradient / flown.gradient[-1]) / networks
            norms[gain_name][name] = np.exp(logarithms)
    return [limit.statement, wide.statement], norms


def run(settings: Settings) -> Findings:
    """Check the statements, then train the ConvNet with each activation."""
    rng = settings.rng()
    settings.say("functions")
    statements = of_functions(500 if settings.full else 100, rng)
    settings.say("deep networks")
    about_networks, norms = of_networks(10 if settings.full else 1, rng)
    count, epochs = (10_000, 10) if settings.full else (2000, 6)
    images = settings.images(count, 1000 if settings.full else 500)
    histories = {}
    for name in th.ACTIVATIONS:
        settings.say(f"training with {name}")
        histories[name] = train(images, name, epochs, settings.seed)

    at_ten = {name: th.slope(g, np.array([10.0]))[0] for name, g in th.ACTIVATIONS.items()}
    headings = ("activation", "slope at 10", *(f"gain {gain}" for gain in norms),
                "first loss", "last loss", "validation")  # fmt: skip
    rows = []
    for name, history in histories.items():
        through = (f"{norms[gain][name][0]:.1e}" for gain in norms)
        losses = (f"{history['loss'][i]:.3f}" for i in (0, -1))
        accuracy = f"{history['val_acc'][-1]:.1%}"
        rows.append((name, f"{at_ten[name]:.1e}", *through, *losses, accuracy))
    table = Table(
        f"gradient's norm after {DEPTH} layers down, by the weights' gain; and the ConvNet",
        headings, rows,
    )  # fmt: skip
    setting = (
        f"ConvNet: conv 16, 32, 32, linear; the first {count} training images ({images.name}); "
        f"{epochs} epochs in batches of {BATCH}, lr {LR}, momentum 0.9"
    )
    picture = partial(draw, norms["1"], histories)
    return Findings(setting, statements + about_networks, [table], picture, (9.5, 6.6))


LAB = Lab("activations", "Softsign, tanh, sigmoid, ReLU: centres, slopes, depth, training", run)
