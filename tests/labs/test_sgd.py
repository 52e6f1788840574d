"""The lab on SGD: where the total rises, exactly, by simulation, and on a ConvNet."""

from fractions import Fraction

import numpy as np
import pytest

from cnnlite.labs import Settings, sgd
from cnnlite.labs.sgd import network
from cnnlite.labs.sgd import two_parabolas as tp

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_total_is_the_sum_and_its_minimum_is_at_one_half() -> None:
    w = np.linspace(-3, 4, 29)
    np.testing.assert_allclose(tp.total(w), (w - 2) ** 2 / 2 + (w + 1) ** 2 / 2)
    np.testing.assert_allclose(tp.total(w), (w - 0.5) ** 2 + 2.25)


def test_a_small_step_raises_the_total_between_the_best_point_and_the_parts_minimum() -> None:
    low, high = tp.rising_interval(2, Fraction(1, 1000))
    assert Fraction(49, 100) < low < tp.BEST
    assert high == 2
    assert tp.rising_interval(-1, Fraction(1, 2)) == (-1, 1)


def test_what_is_exact_is_exact(rng: np.random.Generator) -> None:
    statements = sgd.exactly(3000, rng)
    assert [statement.worst for statement in statements] == [0, 0, 0, 0]
    assert all(statement.cases > 1000 for statement in statements)


def test_another_interval_would_be_found_wrong(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The obvious answer, between best point and minimum, forgets the steps that overshoot."""
    monkeypatch.setattr(tp, "rising_interval", lambda c, eta: sorted([tp.BEST, Fraction(c)]))
    where, *others = sgd.exactly(300, rng)
    assert not where.holds
    assert all(statement.holds for statement in others)


def test_gradient_descent_with_too_large_a_step_does_rise() -> None:
    """So eta < 1 is no idle condition."""
    w, eta = Fraction(1), Fraction(11, 10)
    assert tp.total(w - eta * (2 * w - 1)) > tp.total(w)


def test_simulations_hold_for_several_seeds() -> None:
    for seed in range(3):
        for statement in sgd.by_simulation(2, 20_000, np.random.default_rng(seed)):
            assert statement.holds, statement


def test_at_rest_most_steps_rise_and_fewer_before(rng: np.random.Generator) -> None:
    path = tp.simulate(0.05, 20_000, rng, w=400.0)
    assert tp.share_of_rises(path[:50]) == 0
    assert tp.share_of_rises(path[1000:]) > 0.5


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    few = Settings().images(120, 0)
    return network.pixels(few), few["y_train"]


def test_the_mean_of_the_batches_gradients_is_the_full_one(
    images: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> None:
    x, y = images
    few = x[:24].astype(np.float64)
    for size in (1, 2, 3, 8, 12):
        assert network.unbiased_error(few, y[:24], size, rng) < 1e-12
    assert network.unbiased_error(few, y[:24], 23, rng) > 1e-3  # of unequal sizes: not so


def test_a_networks_steps_lower_their_own_batch_but_not_the_total(
    images: tuple[np.ndarray, np.ndarray],
) -> None:
    x, y = images
    course = network.train(network.convnet(np.random.default_rng(0)), x, y, 5, 60, 0.01, seed=0)
    assert course.full.shape == (61,)
    assert np.all(course.after < course.before)
    assert 10 <= course.rises.sum() <= 40


def test_with_all_images_a_small_step_never_rises_and_its_batch_is_all(
    images: tuple[np.ndarray, np.ndarray],
) -> None:
    x, y = images
    course = network.train(network.convnet(np.random.default_rng(0)), x, y, 120, 10, 0.01, seed=0)
    assert not course.rises.any()
    np.testing.assert_allclose(course.before, course.full[:-1], rtol=1e-5)
    np.testing.assert_allclose(course.after, course.full[1:], rtol=1e-5)


def test_the_loss_of_all_images_does_not_depend_on_how_they_are_chunked(
    images: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = images
    model = network.convnet(np.random.default_rng(0))
    whole = network.loss_of(model, x, y)
    monkeypatch.setattr(network, "CHUNK", 50)
    assert network.loss_of(model, x, y) == pytest.approx(whole, rel=1e-6)
    assert network.gradient(model, x, y)[0] == pytest.approx(whole, rel=1e-6)


@pytest.mark.slow
def test_a_run_holds() -> None:
    findings = sgd.run(Settings(seed=1))
    assert not findings.failed
    assert len(findings.statements) == 8
