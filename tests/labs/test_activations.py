"""The lab on activations: its statements over random cases, and what would refute them."""

import numpy as np
import pytest

from cnnlite.labs import Settings, activations
from cnnlite.labs.activations import theory as th
from cnnlite.labs.activations import training
from cnnlite.labs.activations.depth import flow

pytestmark = pytest.mark.usefixtures("one_thread")


def test_what_is_stated_of_the_functions_holds_over_random_points() -> None:
    for seed in range(3):
        statements = activations.of_functions(50, np.random.default_rng(seed))
        assert len(statements) == 8
        for statement in statements:
            assert statement.cases >= 50
            assert statement.holds, statement


def test_only_odd_functions_are_zero_centred(rng: np.random.Generator) -> None:
    """For each that is not odd there is a symmetric X with E g(X) far from zero."""
    x = rng.standard_normal(1000)
    for name, g in th.ACTIVATIONS.items():
        mean = np.mean(g(np.concatenate([x, -x])))
        assert (abs(mean) < 1e-12) == (name in th.ODD)
        assert (np.abs(th.even_part(g, x)).max() > 0.1) == (name not in th.ODD)


def test_the_slopes_are_those_of_central_quotients(rng: np.random.Generator) -> None:
    x = rng.uniform(0.01, 5, 100) * rng.choice([-1, 1], 100)  # not at the kink of ReLU
    for g in th.ACTIVATIONS.values():
        np.testing.assert_allclose(th.slope(g, x), th.central_quotient(g, x, 1e-5), atol=1e-8)


def test_softsigns_quotient_at_zero_tends_to_one() -> None:
    for h in (0.1, 0.01, 0.001):
        quotient = th.central_quotient(th.ACTIVATIONS["softsign"], np.array([0.0]), h)
        assert quotient[0] == pytest.approx(1 / (1 + h), rel=1e-12)


def test_the_wrong_proof_is_refuted_by_every_odd_function_with_a_slope(
    rng: np.random.Generator,
) -> None:
    x = rng.uniform(-2, 2, 100)
    for name in th.ODD:
        g = th.ACTIVATIONS[name]
        right = th.slope(g, -x)
        np.testing.assert_allclose(right, th.slope(g, x), rtol=1e-12)
        assert np.abs(right - th.wrong_slope_at_minus(th.slope(g, x))).min() > 0.01
    at_zero = th.slope(th.ACTIVATIONS["softsign"], np.array([0.0]))
    assert at_zero == 1 != th.wrong_slope_at_minus(at_zero)


def test_of_an_even_function_it_would_be_right(rng: np.random.Generator) -> None:
    """The derivative of an odd polynomial is even, and the derivative of that is odd."""
    polynomial = th.OddPolynomial(rng.standard_normal(4))
    h = 1e-4
    for x in (0.0, 0.3, 0.7):
        second = [
            (polynomial.slope(np.array(p + h)) - polynomial.slope(np.array(p - h))) / (2 * h)
            for p in (x, -x)
        ]
        assert second[0] == pytest.approx(-second[1], abs=1e-7)


def test_an_odd_polynomials_slope_is_its_derivative(rng: np.random.Generator) -> None:
    x, h = rng.uniform(-1, 1, 20), 1e-6
    p = th.OddPolynomial(rng.standard_normal(4))
    np.testing.assert_allclose(p.slope(x), (p(x + h) - p(x - h)) / (2 * h), atol=1e-7)


@pytest.mark.parametrize("name", th.ACTIVATIONS)
def test_steepest_is_the_largest_slope(name: str) -> None:
    slopes = th.slope(th.ACTIVATIONS[name], np.linspace(-3, 3, 6001))
    assert slopes.max() == pytest.approx(th.STEEPEST[name], abs=1e-12)


def test_gradients_through_depth_hold_what_is_stated(rng: np.random.Generator) -> None:
    statements, norms = activations.of_networks(1, rng, depth=6, width=192)
    for statement in statements:
        assert statement.cases == 2 * 4 * 6
        assert statement.holds, statement
    assert all(len(values) == 7 for by_name in norms.values() for values in by_name.values())


def test_in_a_narrow_network_the_prediction_fails(rng: np.random.Generator) -> None:
    """Width is an assumption: the statement could not hold if the check were blind."""
    flown = flow(th.ACTIVATIONS["ReLU"], 1.0, 20, 4, 1.0, rng)
    assert np.abs(flown.factor / flown.predicted - 1).max() > 0.3
    assert flown.excess.max() <= 1e-12  # the bound needs no width


def test_sigmoid_loses_the_gradient_and_relu_keeps_it_with_its_gain() -> None:
    rng = np.random.default_rng(0)
    by_name = {
        name: flow(g, th.STEEPEST[name], 10, 128, float(np.sqrt(2)), rng)
        for name, g in th.ACTIVATIONS.items()
    }
    kept = {name: flown.gradient[0] / flown.gradient[-1] for name, flown in by_name.items()}
    assert kept["sigmoid"] < 1e-3
    assert 0.5 < kept["ReLU"] < 2
    assert abs(by_name["sigmoid"].activity.mean()) > 0.4  # not zero-centred
    assert abs(by_name["tanh"].activity.mean()) < 0.02


def test_training_begins_with_the_same_weights_and_learns() -> None:
    first = [training.convnet(name, seed=3).state_dict() for name in ("tanh", "sigmoid")]
    assert all(np.array_equal(first[0][key], first[1][key]) for key in first[0])
    history = training.train(Settings().images(300, 50), "tanh", 2, seed=0)
    assert len(history["loss"]) == len(history["val_acc"]) == 2
    assert history["loss"][1] < history["loss"][0]


@pytest.mark.slow
def test_a_run_holds() -> None:
    findings = activations.run(Settings(seed=1))
    assert not findings.failed
    assert len(findings.statements) == 10
