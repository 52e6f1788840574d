"""`Solver.predict`: scores of images, normalised as in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite.evaluation import predictions
from cnnlite.solver import Solver
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained() -> Solver:
    solver = trainings.solver(num_epochs=2)
    solver.train()
    return solver


@pytest.mark.parametrize("batch_size", [None, 1, 7, 1000])
def test_the_scores_are_those_that_accuracy_counts_with(
    trained: Solver, batch_size: int | None
) -> None:
    scores = trained.predict(trained.X_val, batch_size)
    assert scores.shape == (30, 4)
    assert scores.dtype == np.float32
    right = np.mean(predictions(scores) == trained.y_val)
    assert right == trained.check_accuracy(trained.X_val, trained.y_val, batch_size=batch_size)
    assert right == trained.val_acc_history[-1]


def test_pixels_are_normalised_and_nothing_is_changed(trained: Solver) -> None:
    before, steps = trained.model.state_dict(), trained.step
    assert trained.normalization is not None
    scale, shift = trained.normalization.scale, trained.normalization.shift
    pixels = (trained.X_val * scale + shift).astype(np.float32)
    scores = trained.predict(trained.X_val, batch_size=30)
    np.testing.assert_allclose(scores, trained.model(pixels), rtol=1e-4, atol=1e-5)
    assert trained.step == steps
    for key, array in trained.model.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((2, 3, 8, 8), np.float32), TypeError, "X is float32, the model is trained on"),
        (np.zeros((2, 3, 8, 8), np.int64), TypeError, "X is int64, expected uint8"),
        (np.zeros((3, 8, 8), np.uint8), ValueError, "X has the shape"),
        (np.zeros((0, 3, 8, 8), np.uint8), ValueError, "X is empty"),
        ([[1.0]], TypeError, "X must be an array, got list"),
    ],
)
def test_other_images_are_refused(
    trained: Solver, X: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"Solver: {message}"):
        trained.predict(X)


def test_a_batch_size_is_at_least_1(trained: Solver) -> None:
    with pytest.raises(ValueError, match="Solver: batch_size"):
        trained.predict(trained.X_val, batch_size=0)
