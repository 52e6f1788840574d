"""Losses as objects."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.gradcheck import check_loss
from cnnlite.losses import CrossEntropyLoss, HingeLoss, Loss, MSELoss

LOSSES: list[Loss[Any]] = [
    CrossEntropyLoss(),
    CrossEntropyLoss(weight=[1, 2, 0.5], label_smoothing=0.2, reduction="sum"),
    HingeLoss(),
    HingeLoss(margin=0.5, reduction="sum"),
    MSELoss(),
    MSELoss(reduction="sum"),
]


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_derivatives(loss: Any, rng: np.random.Generator) -> None:
    targets = rng.standard_normal((5, 3)) if isinstance(loss, MSELoss) else None
    report = check_loss(loss, (5, 3), targets)
    assert report.passed, report


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_calling_gives_the_value_alone(loss: Any, dtype: type, rng: np.random.Generator) -> None:
    scores = rng.standard_normal((5, 3)).astype(dtype)
    targets: Any = scores[::-1] if isinstance(loss, MSELoss) else [0, 1, 2, 1, 0]
    value, cache = loss.forward(scores, targets)
    assert loss(scores, targets) == value
    assert type(value) is float
    assert loss.backward(cache).dtype == dtype
    np.testing.assert_allclose(loss.backward(cache, 3.0), 3 * loss.backward(cache), rtol=1e-6)


def test_arguments_reach_the_operation(rng: np.random.Generator) -> None:
    scores, targets = rng.standard_normal((5, 3)), [0, 1, 2, 1, 0]
    weight = np.array([1, 2, 0.5])
    loss = CrossEntropyLoss(weight, 0.3, "none")
    np.testing.assert_array_equal(
        loss(scores, targets), F.cross_entropy_forward(scores, targets, weight, 0.3, "none")[0]
    )
    np.testing.assert_array_equal(
        HingeLoss(2.0, "none")(scores, targets),
        F.hinge_loss_forward(scores, targets, 2.0, "none")[0],
    )


def test_a_loss_without_backward_cannot_be_made() -> None:
    class Half(Loss[None]):
        def forward(self, scores: Any, targets: Any) -> Any:
            return 0.0, None

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


def test_integer_scores_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="CrossEntropyLoss: scores must be float32 or float64"):
        CrossEntropyLoss([1.0, 2.0])(np.ones((2, 2), int), [0, 1])
