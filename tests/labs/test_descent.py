"""The lab on descent: its lemmas over random cases, and that they need what they assume."""

import numpy as np
import pytest

from cnnlite.labs import Settings, descent
from cnnlite.labs.descent import functions as fn
from cnnlite.labs.descent import lemmas as lm

pytestmark = pytest.mark.usefixtures("one_thread")


def test_lemmas_and_bound_hold_on_random_functions(rng: np.random.Generator) -> None:
    statements = descent.theorems(400, rng)
    assert len(statements) == 4
    for statement in statements:
        assert statement.cases == 400
        assert statement.holds, statement


def test_random_functions_are_what_the_bound_asks_for(rng: np.random.Generator) -> None:
    """Slopes are subgradients, none longer than rho; w* is a minimiser but for the logistic."""
    names = set()
    for _ in range(300):
        f = fn.random_function(rng)
        u, w = rng.standard_normal((2, f.best.size)) * rng.uniform(0.1, 5)
        assert f.value(u) >= f.value(w) + f.slope(w) @ (u - w) - 1e-12
        assert np.linalg.norm(f.slope(w)) <= f.lipschitz * (1 + 1e-12)
        assert abs(f.value(u) - f.value(w)) <= f.lipschitz * np.linalg.norm(u - w) + 1e-12
        if f.name != "logistic":
            assert f.value(f.best) == 0 <= f.value(w)
        names.add(f.name)
    assert len(names) == 5


def test_logistic_slope_is_its_derivative(rng: np.random.Generator) -> None:
    X, y = rng.standard_normal((9, 4)), rng.choice([-1.0, 1.0], 9)
    f, w = fn.logistic(X, y, np.zeros(4)), rng.standard_normal(4)
    numeric = [(f.value(w + h) - f.value(w - h)) / 2e-6 for h in 1e-6 * np.eye(4)]
    np.testing.assert_allclose(f.slope(w), numeric, rtol=1e-7)


def test_no_other_point_is_lower_than_the_proximal_step(rng: np.random.Generator) -> None:
    for _ in range(200):
        w_t, v, d = rng.standard_normal((3, 6))
        lowest = lm.model(lm.proximal_step(w_t, v, 3.0), w_t, 0.5, v, 3.0)
        assert lm.model(lm.proximal_step(w_t, v, 3.0) + 0.1 * d, w_t, 0.5, v, 3.0) > lowest
        # Half a step, and a step twice as long, are no minimisers: eta is 1/lambda, not about.
        for other in (1.5, 6.0):
            assert lm.model(lm.proximal_step(w_t, v, other), w_t, 0.5, v, 3.0) > lowest


def test_telescoping_needs_the_step_that_was_taken(rng: np.random.Generator) -> None:
    path, slopes = lm.descend(lambda _: rng.standard_normal(5), rng.standard_normal(5), 0.1, 20)
    target = rng.standard_normal(5)
    left, right = lm.telescope(path, slopes, 0.1, target)
    assert left == pytest.approx(right, rel=1e-12)
    left, right = lm.telescope(path, slopes, 0.2, target)
    assert abs(left - right) > 0.1


def test_without_convexity_the_inequality_for_the_mean_fails() -> None:
    """Two wells and a hill between: from the hill's side, the mean of the iterates lies high."""
    hill = fn.Convex(
        "two wells",
        lambda w: float((w[0] ** 2 - 1) ** 2),
        lambda w: 4 * w * (w**2 - 1),
        np.array([-1.0]),
        1.0,
    )
    path, slopes = lm.descend(hill.slope, np.array([0.5]), 0.05, 100)
    left, right = lm.averaged(hill, path, slopes, hill.best)
    assert left > right + 0.001


def test_without_the_lipschitz_constant_the_bound_fails() -> None:
    kink = fn.kink(1.0, 1.0)
    assert lm.gap(kink, 100) <= lm.bound(1.0, 1.0, 100)
    # The function is steeper than is claimed, so that steps are too long: 0, 10, 0, 10 ...
    steep = fn.kink(10.0, 1.0)._replace(lipschitz=0.1)
    assert lm.gap(steep, 100) > lm.bound(1.0, 10.0, 100) > lm.bound(1.0, 0.1, 100)


def test_one_kink_reaches_the_bound_after_a_step_and_half_of_it_in_the_end() -> None:
    f = fn.kink(2.0, 4.0)
    for T in (1, 4, 16, 4096):  # their roots are powers of two: the path meets the kink exactly
        share = lm.gap(f, T) / lm.bound(f.radius, f.lipschitz, T)
        assert share == pytest.approx((1 + T**-0.5) / 2)


def test_the_best_step_makes_the_two_terms_of_the_bound_equal(rng: np.random.Generator) -> None:
    for _ in range(50):
        B, rho, T = rng.uniform(0.1, 5), rng.uniform(0.1, 5), int(rng.integers(1, 1000))

        def limit(eta: float, B: float = B, rho: float = rho, T: int = T) -> float:
            return B**2 / (2 * eta * T) + eta * rho**2 / 2

        eta = lm.best_step(B, rho, T)
        assert limit(eta) == pytest.approx(lm.bound(B, rho, T))
        assert limit(eta) < min(limit(0.9 * eta), limit(1.1 * eta))


def test_the_classifier_of_images_is_compared_with_a_good_point() -> None:
    loss = fn.of_images(Settings().images(100, 0), 200)
    assert loss.value(loss.best) < 0.8 * loss.value(np.zeros_like(loss.best))
    assert loss.value(np.zeros_like(loss.best)) == pytest.approx(np.log(2))
    assert lm.gap(loss, 50) <= lm.bound(loss.radius, loss.lipschitz, 50)


@pytest.mark.slow
def test_a_run_holds() -> None:
    findings = descent.run(Settings(seed=1))
    assert not findings.failed
    assert len(findings.statements) == 5
