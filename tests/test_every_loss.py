"""Losses of every kind: gradients, sample weights, what is ignored, and what is refused."""

from typing import Any

import numpy as np
import pytest

from cnnlite.gradcheck import check_loss
from cnnlite.losses import (
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    FocalLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    Loss,
    MSELoss,
    NLLLoss,
    SigmoidFocalLoss,
    SmoothL1Loss,
)
from tests.test_losses import LOSSES

ROWS: list[Loss[Any]] = [
    CrossEntropyLoss(ignore_index=1),
    FocalLoss(ignore_index=1),
    HingeLoss(ignore_index=1),
    HingeLoss(weight=[1, 2, 0.5], reduction="sum"),
    NLLLoss(),
    NLLLoss([1, 2, 0.5], "sum", 1),
]
NUMBERS: list[Loss[Any]] = [
    *(kind() for kind in (L1Loss, SmoothL1Loss, HuberLoss, BCEWithLogitsLoss, SigmoidFocalLoss)),
    SmoothL1Loss("sum", 0.1),
    HuberLoss("sum", 0.1),
    BCEWithLogitsLoss([[1], [2], [3], [4], [5]], "sum", [1, 2, 3]),
    SigmoidFocalLoss(-1, 0.5),
    KLDivLoss(),
    KLDivLoss("batchmean", log_target=True),
]


@pytest.mark.parametrize("loss", ROWS)
@pytest.mark.parametrize("places", [(), (4,), (2, 3)])
def test_gradients_of_losses_of_classes(loss: Any, places: Any) -> None:
    report = check_loss(loss, (5, 3, *places), None)
    assert report.passed, report


@pytest.mark.parametrize("loss", NUMBERS)
@pytest.mark.parametrize("shape", [(5, 3), (5, 4, 3)])
def test_gradients_of_losses_of_numbers(loss: Any, shape: Any, rng: np.random.Generator) -> None:
    targets = rng.random(shape)
    if isinstance(loss, BCEWithLogitsLoss) and shape != (5, 3) and loss.weight is not None:
        loss = BCEWithLogitsLoss(loss.weight[:4], "mean", loss.pos_weight)
    report = check_loss(loss, shape, targets)
    assert report.passed, report


@pytest.mark.parametrize("places", [(), (4,), (2, 3)])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_gradients_with_probabilities(
    places: Any, smoothing: float, rng: np.random.Generator
) -> None:
    loss = CrossEntropyLoss([1, 2, 0.5], smoothing)
    report = check_loss(loss, (5, 3, *places), rng.random((5, 3, *places)))
    assert report.passed, report


def _wanted(loss: Any, shape: Any, rng: np.random.Generator) -> Any:
    if isinstance(loss, CrossEntropyLoss | FocalLoss | HingeLoss | NLLLoss):
        return rng.integers(0, shape[1], shape[:1] + shape[2:])
    return rng.random(shape)


@pytest.mark.parametrize("loss", [*LOSSES, *ROWS, *NUMBERS])
def test_a_sample_weight_of_two_is_the_sample_twice(loss: Any, rng: np.random.Generator) -> None:
    if isinstance(loss, BCEWithLogitsLoss) and loss.weight is not None:
        loss = BCEWithLogitsLoss(None, "sum", loss.pos_weight)
    scores = rng.standard_normal((5, 3))
    targets = _wanted(loss, (5, 3), rng)
    counts = np.array([1, 2, 0, 3, 1])
    value, cache = loss.forward(scores, targets, counts)
    again, other = loss.forward(np.repeat(scores, counts, 0), np.repeat(targets, counts, 0))
    np.testing.assert_allclose(value, again)
    assert loss(scores, targets, counts) == value
    summed = np.zeros((5, 3))
    np.add.at(summed, np.repeat(np.arange(5), counts), loss.backward(other))
    np.testing.assert_allclose(loss.backward(cache), summed, atol=1e-15)


@pytest.mark.parametrize("kind", [CrossEntropyLoss, FocalLoss, HingeLoss, NLLLoss])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_what_an_ignored_example_scores_makes_no_difference(
    kind: Any, reduction: str, rng: np.random.Generator
) -> None:
    """0 times NaN is NaN, so a factor of 0 is not enough."""
    scores = rng.standard_normal((4, 3, 2))
    targets = np.array([[0, 1], [-100, 2], [1, -100], [2, 2]])
    loss = kind(reduction=reduction)
    expected, cache = loss.forward(scores, targets)
    gradient = loss.backward(cache)
    scores[1, :, 0], scores[2, 1, 1] = np.nan, np.inf
    value, cache = loss.forward(scores, targets)
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(loss.backward(cache), gradient)
    assert (gradient[1, :, 0] == 0).all()
    assert np.isnan(kind()(scores, np.full((4, 2), -100)))  # the mean of none, as in PyTorch
    assert kind(reduction="sum")(scores, np.full((4, 2), -100)) == 0


@pytest.mark.parametrize("loss", [*LOSSES, *ROWS, *NUMBERS])
@pytest.mark.parametrize("n", [0, 1])
def test_no_samples_and_one(loss: Any, n: int, rng: np.random.Generator) -> None:
    if isinstance(loss, BCEWithLogitsLoss) and loss.weight is not None:
        return  # whose weight is of five samples
    scores = rng.standard_normal((n, 3)).astype(np.float32)
    with np.errstate(all="raise"):
        value, cache = loss.forward(scores, _wanted(loss, (n, 3), rng))
        assert loss.backward(cache).shape == (n, 3)
    assert np.isfinite(value) == (n == 1 or loss.reduction == "sum")


@pytest.mark.parametrize("loss", [*LOSSES, *ROWS, *NUMBERS])
def test_the_memory_order_changes_no_bit(loss: Any, rng: np.random.Generator) -> None:
    if isinstance(loss, BCEWithLogitsLoss) and loss.weight is not None:
        loss = BCEWithLogitsLoss(None, "sum", loss.pos_weight)
    scores = rng.standard_normal((30, 3, 7)).astype(np.float32)
    if isinstance(loss, BCEWithLogitsLoss) and loss.pos_weight is not None:
        scores = np.ascontiguousarray(np.moveaxis(scores, 1, -1))
    targets = _wanted(loss, scores.shape, rng)
    value, cache = loss.forward(scores, targets)
    scores.flags.writeable = False
    for other in (np.asfortranarray(scores), np.repeat(scores, 2, axis=2)[:, :, ::2]):
        again, other_cache = loss.forward(other, np.asfortranarray(targets))
        assert again == value
        np.testing.assert_array_equal(loss.backward(other_cache), loss.backward(cache))


def test_tiny_and_huge_logits_keep_their_digits() -> None:
    """1 - sigmoid(40) is 0 in float32, and the gradient of a wrong answer's confidence too."""
    x = np.array([[-40.0, 40.0, -1e4, 1e4, 200.0]], np.float32)
    y = np.array([[0.0, 1.0, 0.0, 1.0, 0.0]], np.float32)
    value, cache = BCEWithLogitsLoss(reduction="none").forward(x, y)
    small = np.exp(np.float32(-40))
    np.testing.assert_allclose(value, [[small, small, 0, 0, 200]], rtol=1e-5)
    np.testing.assert_allclose(
        BCEWithLogitsLoss().backward(cache), [[small, -small, 0, 0, 1]], rtol=1e-5
    )
    for gamma in (0.0, 0.5, 2.0):
        value, cache = SigmoidFocalLoss(-1, gamma, "none").forward(x, y)
        assert np.isfinite(value).all()
        assert np.isfinite(SigmoidFocalLoss().backward(cache)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (MSELoss(reduction="none"), "mse_loss"),
        (SmoothL1Loss("none"), "smooth_l1_loss"),
        (HuberLoss("none"), "huber_loss"),
        (L1Loss("none"), "l1_loss"),
        (BCEWithLogitsLoss(reduction="none"), "binary_cross_entropy_with_logits"),
        (KLDivLoss("none"), "kl_div"),
    ],
)
def test_nan_and_infinity_of_one_score_as_torch(
    loss: Any, name: str, bad: float, torch: Any
) -> None:
    scores, targets = np.array([[0.5, bad], [1.0, -2.0]]), np.array([[0.0, 0.25], [1.0, 0.5]])
    with np.errstate(all="raise"):
        value, cache = loss.forward(scores, targets)
        dscores = loss.backward(cache)
    tensor = torch.tensor(scores, requires_grad=True)
    theirs = getattr(torch.nn.functional, name)(tensor, torch.tensor(targets), reduction="none")
    theirs.sum().backward()
    if not np.isfinite(value).all() and name.startswith("binary"):
        # -y log p - (1 - y) log(1 - p) is infinite; how PyTorch computes it makes NaN of -inf.
        expected = np.nan if np.isnan(bad) else np.inf
        np.testing.assert_array_equal(value[0, 1], expected)
    else:
        np.testing.assert_allclose(value, theirs.detach(), rtol=1e-12)
    if not (np.isnan(bad) and name in ("l1_loss", "smooth_l1_loss", "huber_loss")):
        np.testing.assert_allclose(dscores, tensor.grad, rtol=1e-12)
    assert np.isfinite(dscores.reshape(-1)[[0, 2, 3]]).all()


@pytest.mark.parametrize("loss", [*NUMBERS[:6], MSELoss()])
def test_a_million_scores_keep_their_digits(loss: Any) -> None:
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((1000, 1000)).astype(np.float32).astype(np.float64)
    targets = rng.random((1000, 1000)).astype(np.float32).astype(np.float64)
    value, cache = loss.forward(scores.astype(np.float32), targets)
    exact, exact_cache = loss.forward(scores, targets)
    np.testing.assert_allclose(value, exact, rtol=1e-5)
    dscores = loss.backward(exact_cache)
    assert np.abs(loss.backward(cache) - dscores).max() <= 1e-5 * np.abs(dscores).max()


@pytest.mark.parametrize("loss", [CrossEntropyLoss(), FocalLoss(), HingeLoss(), NLLLoss()])
@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        ([1, 2, 3], ValueError, r"targets\[2\] is 3, expected 0 to 2 .*from 0: pass targets - 1"),
        (np.eye(3, dtype=int), ValueError, r"got \(3, 3\); of one-hot rows, targets\.argmax\("),
        (np.eye(3, dtype=bool), TypeError, r"got bool; of one-hot rows, targets\.argmax\(axis=1\)"),
        (np.eye(3)[:, :2], TypeError, r"got float64; of one-hot rows, targets\.argmax\(axis=1\)"),
        (["a", "b", "c"], TypeError, r"got <U1; np\.unique\(targets, return_inverse=True\)\[1\]"),
        (np.array([0.0, 1.0, 2.0]), TypeError, r"got float64$"),
        ([-1, 0, 1], ValueError, r"targets\[0\] is -1, expected 0 to 2"),
    ],
)
def test_targets_that_are_no_classes_are_told_how_to_be(
    loss: Any, targets: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=f"^{type(loss).__name__}: .*{message}"):
        loss(np.ones((3, 3)), targets)


def test_places_of_targets_and_what_else_is_refused() -> None:
    scores = np.ones((2, 3, 4))
    with pytest.raises(ValueError, match=r"targets must have shape \(2, 4\) to fit scores \(2, 3,"):
        CrossEntropyLoss()(scores, np.zeros((2, 3), int))
    wrong = np.zeros((2, 4), int)
    wrong[1, 2] = 5
    with pytest.raises(ValueError, match=r"targets\[1, 2\] is 5, expected 0 to 2"):
        CrossEntropyLoss()(scores, wrong)
    with pytest.raises(ValueError, match=r"ignore_index is 2, but targets are probabilities"):
        CrossEntropyLoss(ignore_index=2)(scores, np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\), expected \(2,\)"):
        CrossEntropyLoss()(scores, wrong * 0, np.ones(3))
    with pytest.raises(ValueError, match=r"pos_weight has shape \(3,\), which does not broadcast"):
        BCEWithLogitsLoss(pos_weight=[1, 2, 3])(scores, scores)
    with pytest.raises(TypeError, match="MSELoss: targets must be float32 or float64, got int64"):
        MSELoss()(scores, np.ones((2, 3, 4), int))
    with pytest.raises(
        ValueError, match="KLDivLoss: reduction is 'max', expected 'mean' or 'batch"
    ):
        KLDivLoss("max")


@pytest.mark.parametrize("kind", [MSELoss, CrossEntropyLoss])
def test_floating_targets_get_the_dtype_of_the_scores(kind: Any) -> None:
    """A list of targets was a TypeError beside float32 scores."""
    scores = np.ones((1, 2), np.float32)
    value, cache = kind().forward(scores, [[0.25, 0.75]])
    assert kind()(scores.astype(np.float64), [[0.25, 0.75]]) == pytest.approx(value, rel=1e-6)
    assert kind().backward(cache).dtype == np.float32


@pytest.mark.parametrize("loss", [*NUMBERS[:5], MSELoss(), MSELoss("none"), KLDivLoss("batchmean")])
def test_a_single_number_is_an_array_without_axes(torch: Any, loss: Any) -> None:
    """The backward pass was a TypeError: NumPy makes a scalar of it."""
    for dtype in (np.float32, np.float64):
        score, target = np.array(0.7, dtype), np.array(0.2, dtype)
        value, cache = loss.forward(score, target)
        gradient = loss.backward(cache)
        assert (gradient.shape, gradient.dtype) == ((), dtype)
        if hasattr(torch.nn, type(loss).__name__):
            twin = torch.tensor(score, requires_grad=True)
            truth = getattr(torch.nn, type(loss).__name__)(reduction=loss.reduction)(
                twin, torch.tensor(target)
            )
            truth.backward()
            np.testing.assert_allclose(value, truth.item(), rtol=1e-6)
            np.testing.assert_allclose(gradient, twin.grad.numpy(), rtol=1e-6)


def test_the_mean_over_weights_of_zero_is_nan_in_the_gradient_too(torch: Any) -> None:
    """NLLLoss said 0, beside a loss of NaN; CrossEntropyLoss did not."""
    scores, weight = np.array([[0.5, -1], [0.25, 2]]), np.array([0.0, 1])
    for kind in (CrossEntropyLoss, NLLLoss, FocalLoss):
        value, cache = kind(weight=weight).forward(scores, [0, -100])
        gradient = kind().backward(cache)
        assert np.isnan(value)
        assert np.isnan(gradient[0]).any()
        if hasattr(torch.nn, kind.__name__):
            twin = torch.tensor(scores, requires_grad=True)
            judge = getattr(torch.nn, kind.__name__)(torch.tensor(weight))
            judge(twin, torch.tensor([0, -100])).backward()
            np.testing.assert_array_equal(gradient, twin.grad.numpy())
    _, cache = HingeLoss(weight=weight, reduction="none").forward(scores, [0, -100])
    gradient = HingeLoss().backward(cache, np.array([np.inf, np.inf]))
    np.testing.assert_array_equal(gradient, [[np.nan] * 2, [0, 0]])  # 0 * inf; and ignored


def test_a_loss_of_ones_own_need_not_know_of_sample_weights() -> None:
    class Mine(Loss[None]):
        def forward(self, scores: Any, targets: Any) -> Any:  # type: ignore[override]
            return float(scores.sum()), None

        def backward(self, cache: Any, dvalue: Any = 1.0) -> Any:
            return np.ones((2, 3)) * dvalue

    assert Mine()(np.ones((2, 3)), [0, 1]) == 6


class TestAsScikitLearn:
    """sklearn.metrics defines weighted means as ours: sum of w * loss over sum of w."""

    def test_log_loss(self, rng: np.random.Generator) -> None:
        scores, targets, weight = rng.standard_normal((9, 4)), rng.integers(0, 4, 9), rng.random(9)
        p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        each = -np.log(p[np.arange(9), targets])
        expected = np.average(each, weights=weight)
        np.testing.assert_allclose(CrossEntropyLoss()(scores, targets, weight), expected)

    def test_mean_squared_error(self, rng: np.random.Generator) -> None:
        scores, targets, weight = (*rng.standard_normal((2, 9, 4)), rng.random(9))
        expected = np.average((scores - targets) ** 2, axis=0, weights=weight).mean()
        np.testing.assert_allclose(MSELoss()(scores, targets, weight), expected)
