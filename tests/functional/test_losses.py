"""Losses against PyTorch, with targets and scores that go wrong."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F

REDUCTIONS = ("mean", "sum", "none")


def _compare(pair: Any, theirs: Any, scores: Any, dvalue: Any, torch: Any) -> None:
    """pair: forward(scores) -> (value, cache), backward(cache, dvalue)."""
    forward, backward = pair
    value, cache = forward(scores)
    tensor = torch.tensor(scores, requires_grad=True)
    expected = theirs(tensor)
    tolerance = 1e-5 if scores.dtype == np.float32 else 1e-12
    assert isinstance(value, float) or np.shape(value)
    np.testing.assert_allclose(value, expected.detach(), rtol=tolerance, atol=tolerance)
    expected.backward(torch.tensor(dvalue, dtype=expected.dtype))
    dscores = backward(cache, dvalue)
    assert dscores.dtype == scores.dtype
    np.testing.assert_allclose(dscores, tensor.grad, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_as_torch(
    dtype: type,
    weighted: bool,
    smoothing: float,
    reduction: str,
    torch: Any,
    rng: np.random.Generator,
) -> None:
    scores = (5 * rng.standard_normal((7, 4))).astype(dtype)
    targets = rng.integers(0, 4, 7)
    weight = rng.random(4).astype(dtype) if weighted else None
    _compare(
        (
            lambda s: F.cross_entropy_forward(s, targets, weight, smoothing, reduction),
            F.cross_entropy_backward,
        ),
        lambda s: torch.nn.functional.cross_entropy(
            s,
            torch.tensor(targets),
            None if weight is None else torch.tensor(weight),
            label_smoothing=smoothing,
            reduction=reduction,
        ),
        scores,
        rng.standard_normal(7) if reduction == "none" else -1.7,
        torch,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("margin", [1.0, 0.3])
def test_hinge_as_torch(
    dtype: type, reduction: str, margin: float, torch: Any, rng: np.random.Generator
) -> None:
    """PyTorch divides by the number of classes too."""
    scores = rng.standard_normal((6, 5)).astype(dtype)
    targets = rng.integers(0, 5, 6)
    _compare(
        (lambda s: F.hinge_loss_forward(s, targets, margin, reduction), F.hinge_loss_backward),
        lambda s: (
            5
            * torch.nn.functional.multi_margin_loss(
                s, torch.tensor(targets), margin=margin, reduction=reduction
            )
        ),
        scores,
        rng.standard_normal(6) if reduction == "none" else 2.5,
        torch,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(6,), (4, 3), (2, 3, 4)])
def test_mse_as_torch(
    dtype: type, reduction: str, shape: Any, torch: Any, rng: np.random.Generator
) -> None:
    scores, targets = rng.standard_normal((2, *shape)).astype(dtype)
    _compare(
        (lambda s: F.mse_loss_forward(s, targets, reduction), F.mse_loss_backward),
        lambda s: torch.nn.functional.mse_loss(s, torch.tensor(targets), reduction=reduction),
        scores,
        rng.standard_normal(shape) if reduction == "none" else 0.7,
        torch,
    )


def test_huge_scores_do_not_overflow() -> None:
    scores = np.array([[1e4, 0.0, -1e4], [-3e38, 3e38, 0.0]], np.float32)
    with np.errstate(all="raise"):
        value, cache = F.cross_entropy_forward(scores, [1, 1])
        dscores = F.cross_entropy_backward(cache)
    assert value == 5e3
    np.testing.assert_array_equal(dscores, [[0.5, -0.5, 0], [0, 0, 0]])


def test_a_tiny_loss_keeps_its_digits() -> None:
    """exp and log alone would give 0 for a probability of 1 - 1e-20."""
    value, _ = F.cross_entropy_forward(np.array([[0.0, 46.0]]), [1])
    np.testing.assert_allclose(value, np.log1p(np.exp(-46.0)), atol=1e-16)
    value, _ = F.cross_entropy_forward(np.array([[0.0, 46.0]]), [0])
    np.testing.assert_allclose(value, 46, rtol=1e-15)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_as_torch(bad: float, torch: Any) -> None:
    scores = np.array([[1.0, bad, 2.0], [0.0, 1.0, 2.0]])
    with np.errstate(all="raise"):
        value, cache = F.cross_entropy_forward(scores, [1, 0], reduction="none")
        dscores = F.cross_entropy_backward(cache)
    tensor = torch.tensor(scores, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(tensor, torch.tensor([1, 0]), reduction="none")
    theirs.sum().backward()
    np.testing.assert_allclose(value, theirs.detach())
    np.testing.assert_allclose(dscores, tensor.grad)
    assert np.isnan(F.hinge_loss_forward(scores, [0, 0])[0]) == np.isnan(bad)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_no_examples_as_torch(reduction: str, torch: Any) -> None:
    scores = np.zeros((0, 3))
    none = np.zeros(0, np.int64)
    for forward, backward in (
        (
            lambda: F.cross_entropy_forward(scores, none, reduction=reduction),
            F.cross_entropy_backward,
        ),
        (lambda: F.hinge_loss_forward(scores, none, reduction=reduction), F.hinge_loss_backward),
        (lambda: F.mse_loss_forward(scores, scores, reduction), F.mse_loss_backward),
    ):
        with np.errstate(all="raise"):
            value, cache = forward()
            assert backward(cache).shape == (0, 3)
        if reduction == "none":
            assert np.size(value) == 0
        else:
            assert value == 0 or (np.isnan(value) and reduction == "mean")


def test_strided_and_read_only_scores(rng: np.random.Generator) -> None:
    scores = rng.standard_normal((6, 5))
    scores.flags.writeable = False
    targets = rng.integers(0, 5, 6)
    expected = F.cross_entropy_forward(scores, targets)[0]
    for other in (np.asfortranarray(scores), np.repeat(scores, 2, axis=1)[:, ::2]):
        np.testing.assert_allclose(F.cross_entropy_forward(other, targets)[0], expected)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int32, np.int64, list])
def test_any_integers_are_targets(kind: Any, rng: np.random.Generator) -> None:
    scores, targets = rng.standard_normal((3, 4)), [0, 3, 1]
    given = targets if kind is list else np.array(targets, kind)
    assert F.cross_entropy_forward(scores, given)[0] == F.cross_entropy_forward(scores, targets)[0]


def test_targets_changed_after_forward_do_not_matter(rng: np.random.Generator) -> None:
    scores, targets = rng.standard_normal((3, 4)), np.array([0, 3, 1])
    _, cache = F.cross_entropy_forward(scores, targets)
    before = F.cross_entropy_backward(cache)
    targets[:] = 2
    np.testing.assert_array_equal(F.cross_entropy_backward(cache), before)


CLASSIFIERS = [("CrossEntropyLoss", F.cross_entropy_forward), ("HingeLoss", F.hinge_loss_forward)]


@pytest.mark.parametrize(("name", "forward"), CLASSIFIERS)
@pytest.mark.parametrize(
    ("scores", "targets", "error", "message"),
    [
        (
            np.ones((3, 4)),
            [0, 4, 1],
            ValueError,
            r"targets\[1\] is 4, expected 0 to 3 \(scores \(3, 4\)\)",
        ),
        (np.ones((3, 4)), [0, 1, -1], ValueError, r"targets\[2\] is -1, expected 0 to 3"),
        (np.ones((3, 4)), [0, 1], ValueError, r"targets must have shape \(3,\) to fit scores"),
        (np.ones((3, 4)), [[0], [1], [2]], ValueError, r"got \(3, 1\)"),
        (np.ones((3, 4)), [0.0, 1.0, 2.0], TypeError, "targets must be integers"),
        (np.ones((3, 4)), [True, False, True], TypeError, "targets must be integers"),
        (np.ones(3), [0, 0, 0], ValueError, r"scores must have shape \(N, C\), C at least 1"),
        (np.ones((3, 0)), [0, 0, 0], ValueError, r"C at least 1, got \(3, 0\)"),
        (np.ones((3, 4), int), [0, 0, 0], TypeError, "scores must be float32 or float64"),
    ],
)
def test_wrong_scores_and_targets_are_refused(
    name: str, forward: Any, scores: Any, targets: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=f"^{name}: .*{message}"):
        forward(scores, targets)
    with pytest.raises(ValueError, match=rf"^{name}: reduction is 'max', expected 'mean' or"):
        forward(np.ones((3, 4)), [0, 1, 2], reduction="max")


def test_other_settings_that_are_refused() -> None:
    scores, targets = np.ones((2, 3)), [0, 1]
    with pytest.raises(ValueError, match=r"label_smoothing is 1\.5, expected a number from 0 to 1"):
        F.cross_entropy_forward(scores, targets, label_smoothing=1.5)
    with pytest.raises(ValueError, match=r"weight has shape \(2,\), expected \(3,\)"):
        F.cross_entropy_forward(scores, targets, np.ones(2))
    with pytest.raises(TypeError, match="weight is float32 but scores is float64"):
        F.cross_entropy_forward(scores, targets, np.ones(3, np.float32))
    with pytest.raises(ValueError, match=r"MSELoss: targets have shape \(3,\), but scores have"):
        F.mse_loss_forward(scores, np.ones(3))
    with pytest.raises(ValueError, match="MSELoss: reduction is 'max', expected"):
        F.mse_loss_forward(scores, scores, "max")
    _, cache = F.cross_entropy_forward(scores, targets, reduction="none")
    with pytest.raises(ValueError, match=r"dvalue has shape \(3,\), expected \(2,\)"):
        F.cross_entropy_backward(cache, np.ones(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_memory_order_of_scores_changes_no_bit(dtype: type, rng: np.random.Generator) -> None:
    """Sums went along the array's own order, and differed in the last bit."""
    scores = rng.standard_normal((50, 40)).astype(dtype)
    targets = rng.integers(0, 40, 50)
    others = rng.standard_normal((50, 40)).astype(dtype)
    for pair, wanted in (
        ((F.cross_entropy_forward, F.cross_entropy_backward), targets),
        ((F.hinge_loss_forward, F.hinge_loss_backward), targets),
        ((F.mse_loss_forward, F.mse_loss_backward), others),
    ):
        forward, backward = pair
        for reduction in REDUCTIONS:
            value, cache = forward(scores, wanted, reduction=reduction)
            again, other_cache = forward(np.asfortranarray(scores), wanted, reduction=reduction)
            np.testing.assert_array_equal(again, value)
            np.testing.assert_array_equal(backward(other_cache), backward(cache))
