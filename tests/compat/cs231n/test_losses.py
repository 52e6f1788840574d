"""The course's losses return value and gradient."""

from typing import Any

import numpy as np
import pytest

from cnnlite.compat.cs231n.layers import softmax_loss, svm_loss
from cnnlite.gradcheck import numeric_gradient, relative_error


@pytest.mark.parametrize(("loss", "expected"), [(svm_loss, 9), (softmax_loss, np.log(10))])
def test_small_scores_cost_what_chance_does(
    loss: Any, expected: float, rng: np.random.Generator
) -> None:
    x, y = 0.001 * rng.standard_normal((50, 10)), rng.integers(0, 10, 50)
    value, dx = loss(x, y)
    assert type(value) is float
    assert value == pytest.approx(expected, abs=0.01)
    assert relative_error(numeric_gradient(lambda x: loss(x, y)[0], x), dx) < 1e-6


@pytest.mark.parametrize("loss", [svm_loss, softmax_loss])
def test_scores_may_be_integers_and_labels_lists(loss: Any) -> None:
    value, dx = loss(np.array([[1, 2, 3], [3, 1, 2]]), [2, 1])
    assert value == loss(np.array([[1.0, 2, 3], [3, 1, 2]]), np.array([2, 1]))[0]
    assert dx.dtype == np.float64


def test_labels_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"targets\[1\] is 3, expected 0 to 2"):
        softmax_loss(np.ones((2, 3)), np.array([0, 3]))
