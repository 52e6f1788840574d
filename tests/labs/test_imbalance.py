"""The lab on imbalance: effective numbers, losses over random scores, confusion matrices."""

from fractions import Fraction

import numpy as np
import pytest

from cnnlite.data import embedded
from cnnlite.labs import Settings, imbalance
from cnnlite.labs.imbalance import counting as ct
from cnnlite.labs.imbalance import experiment as ex


def test_effective_numbers() -> None:
    for statement in imbalance.of_numbers(150, np.random.default_rng(1)):
        assert statement.holds, statement


def test_losses() -> None:
    for statement in imbalance.of_losses(150, np.random.default_rng(2)):
        assert statement.holds, statement


def test_the_effective_number_is_the_expectation_over_all_draws() -> None:
    """Every sequence of n draws of N things, counted exactly."""
    for n, things in ((1, 4), (3, 2), (4, 3), (5, 4)):
        draws = np.stack(np.unravel_index(np.arange(things**n), (things,) * n), axis=1)
        mean = Fraction(sum(len(set(draw)) for draw in draws.tolist()), things**n)
        beta = Fraction(things - 1, things)
        assert mean == (1 - beta**n) / (1 - beta)
        assert ct.effective_number(n, float(beta)) == pytest.approx(float(mean), rel=1e-14)


@pytest.mark.parametrize(("factor", "last"), [(1, 500), (10, 50), (100, 5), (1e6, 1)])
def test_a_long_tail(factor: float, last: int) -> None:
    counts = ct.long_tail(500, 10, factor)
    assert (counts[0], counts[-1]) == (500, last)
    assert (np.diff(counts) <= 0).all()
    ratios = counts[1:5] / counts[:4]
    np.testing.assert_allclose(ratios, factor ** (-1 / 9), rtol=0.15)


def test_the_first_images_of_each_class_are_kept() -> None:
    data = embedded(200, 30, 0)
    found = ct.imbalanced(data, 10)
    assert list(np.bincount(found["y_train"])) == list(ct.long_tail(20, 10, 10))
    np.testing.assert_array_equal(found["X_val"], data["X_val"])
    for c in range(10):
        ours, all_of_them = found["X_train"][found["y_train"] == c], data["X_train"][c::10]
        np.testing.assert_array_equal(ours, all_of_them[: len(ours)])


def test_a_confusion_matrix(rng: np.random.Generator) -> None:
    matrix = ct.confusion(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 2, 2]), 4)
    np.testing.assert_array_equal(matrix, [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0] * 4])
    np.testing.assert_allclose(ct.class_accuracy(matrix), [0.5, 1, 2 / 3, np.nan])
    for _ in range(50):
        truth, found = rng.integers(0, 7, (2, 300))
        matrix = ct.confusion(truth, found, 7)
        assert np.trace(matrix) == np.count_nonzero(truth == found)
        np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(truth, minlength=7))
        np.testing.assert_array_equal(matrix.sum(axis=0), np.bincount(found, minlength=7))


@pytest.mark.usefixtures("one_thread")
def test_rare_classes_are_taken_for_common_ones_and_a_shift_of_scores_helps() -> None:
    data = ct.imbalanced(Settings().images(4000, 500), 20)
    counts = np.bincount(data["y_train"])
    outcome = ex.train(data, ex.remedies(counts)["cross-entropy"], 12)
    assert outcome.matrix.sum() == outcome.shifted.sum() == 500
    taken, shifted = outcome.matrix.sum(axis=0), outcome.shifted.sum(axis=0)
    assert taken[:3].sum() > taken[-3:].sum()
    assert shifted[-3:].sum() > taken[-3:].sum()
    accuracy, helped = (ct.class_accuracy(m) for m in (outcome.matrix, outcome.shifted))
    assert accuracy[:3].mean() > accuracy[-3:].mean()
    assert helped[-3:].mean() > accuracy[-3:].mean()
