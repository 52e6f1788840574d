"""The lab on generalisation: its theorem over many points, its changes of data, its trainings."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cnnlite.data import Dataset, embedded
from cnnlite.labs import Settings
from cnnlite.labs.generalisation import changes_are_what_they_say, interpolation, trainings
from cnnlite.labs.generalisation import corruption as co
from cnnlite.labs.generalisation import experiment as ex
from cnnlite.labs.generalisation.finite_sample import interpolate


def test_two_layers_fit_any_points() -> None:
    for statement in interpolation(60, 4000, np.random.default_rng(1)):
        assert statement.holds, statement


class TestInterpolate:
    def test_many_points_on_a_line_in_the_order_of_the_network(
        self, rng: np.random.Generator
    ) -> None:
        """With gaps of 1e-8 the plain solution of M w = y would be off by 1e-4."""
        X = rng.random((10_000, 1))
        y = rng.choice([-1.0, 1.0], len(X))
        found = interpolate(X, y, rng)
        np.testing.assert_allclose(found(X), y, rtol=1e-10)
        shuffled = rng.permutation(len(X))
        np.testing.assert_array_equal(found(X[shuffled]), found(X)[shuffled])

    def test_images_with_random_labels(self, rng: np.random.Generator) -> None:
        images = embedded(300, 0, 0)["X_train"].reshape(300, -1) / 255
        labels = rng.integers(0, 10, 300)
        found = interpolate(images, labels.astype(float), rng)
        assert found.num_weights == 2 * 300 + 3072
        np.testing.assert_array_equal(found.network()(images)[:, 0].round(), labels)

    def test_between_two_points_it_is_a_straight_line(self) -> None:
        X = np.array([[Fraction(0)], [Fraction(1)], [Fraction(3)]], object)
        y = np.array([Fraction(2), Fraction(5), Fraction(-1)], object)
        found = interpolate(X, y, np.random.default_rng(0))
        middle = np.array([[Fraction(1, 2)], [Fraction(2)]], object)
        assert list(found(middle)) == [Fraction(7, 2), Fraction(2)]

    def test_one_point(self, rng: np.random.Generator) -> None:
        X, y = rng.standard_normal((1, 4)), np.array([3.0])
        np.testing.assert_allclose(interpolate(X, y, rng)(X), y, rtol=1e-15)

    def test_the_same_point_twice_is_refused(self, rng: np.random.Generator) -> None:
        X = np.ones((2, 3))
        with pytest.raises(ValueError, match="interpolate: two points are the same"):
            interpolate(X, np.array([0.0, 1.0]), rng)
        with pytest.raises(ValueError, match=r"interpolate: X has shape \(2, 3\) and y \(3,\)"):
            interpolate(X, np.zeros(3), rng)


def test_changes_leave_what_they_say() -> None:
    images = embedded(100, 0, 0)["X_train"]
    for statement in changes_are_what_they_say(images, 100, np.random.default_rng(2)):
        assert statement.holds, statement


@pytest.mark.parametrize("kind", co.KINDS)
def test_a_change_is_the_same_for_the_same_seed_and_leaves_its_input(kind: str) -> None:
    data = embedded(40, 20, 0)
    before = {key: array.copy() for key, array in data.items()}
    a, b, other = (co.corrupted(data, kind, seed) for seed in (3, 3, 4))
    for key, array in a.items():
        np.testing.assert_array_equal(array, b[key])
        np.testing.assert_array_equal(data[key], before[key])
    changed = [key for key in a if not np.array_equal(a[key], before[key])]
    expected = {"true labels": [], "random labels": ["y_train"]}
    assert changed == expected.get(kind, ["X_train", "X_val"])
    assert all(not np.array_equal(a[key], other[key]) for key in changed)


def test_noise_of_the_validation_images_is_not_that_of_the_training_images() -> None:
    """Splits of one size once got the same noise, and a network knew all of it by heart."""
    data = embedded(40, 40, 0)
    for kind in ("Gaussian images", "random pixels"):
        changed = co.corrupted(
            Dataset({**data, "X_val": data["X_train"]}, data.class_names), kind, 0
        )
        assert np.mean(changed["X_train"] == changed["X_val"]) < 0.5
    shuffled = co.corrupted(
        Dataset({**data, "X_val": data["X_train"]}, data.class_names), "shuffled pixels", 0
    )
    np.testing.assert_array_equal(shuffled["X_train"], shuffled["X_val"])


def test_gaussian_images_have_the_statistics_of_the_true_ones() -> None:
    images = embedded(300, 0, 0)["X_train"]
    noise = co.gaussian_images(images, np.random.default_rng(0))
    assert noise.dtype == np.uint8
    for measure in (np.mean, np.std):
        truth, found = measure(images, axis=(0, 2, 3)), measure(noise, axis=(0, 2, 3))
        np.testing.assert_allclose(found, truth, rtol=0.05)  # cut to 0..255
    assert abs(np.corrcoef(noise[:, 0, :, :-1].ravel(), noise[:, 0, :, 1:].ravel())[0, 1]) < 0.01


@pytest.mark.usefixtures("one_thread")
def test_random_labels_are_learnt_by_heart_and_worth_nothing() -> None:
    data = Settings().images(200, 500)
    true, random = (ex.train(co.corrupted(data, kind, 0), 120) for kind in co.KINDS[:2])
    for training in (true, random):
        assert training.by_heart
        assert training.train_acc > 0.99
    assert abs(random.val_acc - 0.1) < 0.067  # five standard deviations
    assert true.val_acc > 0.167


@pytest.mark.usefixtures("one_thread")
def test_each_training_is_asked_for_once() -> None:
    said: list[str] = []
    data = Settings().images(100, 100)
    by_kind, by_share, by_regulariser = trainings(data, 1, Settings(say=said.append))
    assert list(by_kind) == list(co.KINDS)
    assert list(by_share) == [0, 0.25, 0.5, 0.75, 1]
    assert len(by_regulariser) == 8
    assert len(said) == len(set(said)) == 5 + 3 + 6


@pytest.mark.usefixtures("one_thread")
def test_a_training_is_reproducible() -> None:
    data: Any = Settings().images(100, 100)
    a, b = (ex.train(data, 2, "dropout", seed=5) for _ in range(2))
    assert a == b
