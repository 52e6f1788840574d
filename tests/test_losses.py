"""Losses as objects."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.gradcheck import check_loss
from cnnlite.losses import (
    CrossEntropyLoss,
    FocalLoss,
    HingeLoss,
    Loss,
    MSELoss,
    class_balanced_weight,
)

LOSSES: list[Loss[Any]] = [
    CrossEntropyLoss(),
    CrossEntropyLoss(weight=[1, 2, 0.5], label_smoothing=0.2, reduction="sum"),
    FocalLoss(),
    FocalLoss(gamma=0.5, weight=[1, 2, 0.5], reduction="sum"),
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


class TestFocalLoss:
    @pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
    def test_without_focus_it_is_cross_entropy(
        self, reduction: str, rng: np.random.Generator
    ) -> None:
        scores, targets = 3 * rng.standard_normal((40, 5)), rng.integers(0, 5, 40)
        weight = rng.random(5)
        focal, plain = (
            FocalLoss(0.0, weight, reduction),
            CrossEntropyLoss(weight, reduction=reduction),
        )
        (a, a_cache), (b, b_cache) = focal.forward(scores, targets), plain.forward(scores, targets)
        np.testing.assert_allclose(a, b, rtol=1e-14)
        np.testing.assert_allclose(
            focal.backward(a_cache), plain.backward(b_cache), rtol=1e-11, atol=1e-15
        )

    @pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
    def test_certain_and_hopeless_examples_stay_finite(self, gamma: float) -> None:
        scores = np.array([[1e4, 0.0, -1e4], [0.0, 1e4, 0.0], [40.0, 0.0, 0.0]], np.float32)
        value, cache = FocalLoss(gamma, reduction="none").forward(scores, [0, 0, 0])
        dscores = FocalLoss(gamma).backward(cache)
        np.testing.assert_allclose(value[:2], [0, 1e4], rtol=1e-6)
        assert np.isfinite(dscores).all()
        np.testing.assert_allclose(dscores[:2], [[0, 0, 0], [-1, 1, 0]], atol=1e-6)

    @pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
    def test_an_impossible_focus_is_refused(self, bad: float) -> None:
        with pytest.raises(
            ValueError, match=r"FocalLoss: gamma is .*, expected a number from 0 up"
        ):
            FocalLoss(bad)
        with pytest.raises(ValueError, match=r"FocalLoss: gamma is .*, expected a number"):
            F.focal_loss_forward(np.ones((2, 3)), [0, 1], bad)


class TestClassBalancedWeight:
    def test_the_limits_are_alike_and_inverse(self) -> None:
        counts = np.array([1000, 100, 1])
        np.testing.assert_allclose(class_balanced_weight(counts, 0.0), 1)
        inverse = 1 / counts
        np.testing.assert_allclose(
            class_balanced_weight(counts, 1 - 1e-12), 3 * inverse / inverse.sum(), rtol=1e-8
        )

    def test_the_formula(self) -> None:
        weight = class_balanced_weight([7, 2], 0.9)
        raw = np.array([0.1 / (1 - 0.9**7), 0.1 / (1 - 0.9**2)])
        np.testing.assert_allclose(weight, raw * 2 / raw.sum())

    @pytest.mark.parametrize(
        ("counts", "beta", "message"),
        [
            ([1, 2], 1.0, "beta is 1.0, expected a number from 0 to below 1"),
            ([1, 2], -0.1, "beta is -0.1, expected a number from 0 to below 1"),
            ([1, 0], 0.9, "counts is .*, expected a number from 1 up for each"),
            ([], 0.9, "counts is .*, expected a number from 1 up for each"),
            ([[1]], 0.9, "counts has shape"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, counts: Any, beta: float, message: str) -> None:
        with pytest.raises(ValueError, match=f"class_balanced_weight: {message}"):
            class_balanced_weight(counts, beta)


@pytest.mark.parametrize("kind", [CrossEntropyLoss, FocalLoss])
def test_a_class_weight_beyond_float32_made_every_gradient_nan(kind: Any) -> None:
    loss = kind(weight=[1e300, 1, 1])
    with np.errstate(all="raise"):
        message = f"{kind.__name__}: weight holds 1e.300, which float32 cannot"
        with pytest.raises(ValueError, match=message):
            loss.forward(np.zeros((2, 3), np.float32), [1, 2])
        loss.forward(np.zeros((2, 3)), [1, 2])
