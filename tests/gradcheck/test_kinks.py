"""Where a layer or loss of ours has no derivative, a check leaves the entry out and says so.

A central difference there is the mean of both slopes, which would speak for a backward pass that
takes the mean, and against ours, which takes one of them.
"""

from typing import Any

import numpy as np
import pytest

from cnnlite import layers as nn
from cnnlite import losses
from cnnlite.gradcheck import check_layer, check_loss

Index = tuple[int, ...]


def images(*zeros: Index, shape: Index = (2, 2, 4, 4)) -> Any:
    """Numbers that are all different and far from zero, but for some zeros."""
    numbers = np.random.default_rng(0).permutation(np.arange(1.0, np.prod(shape) + 1))
    x = (numbers * np.where(numbers % 2, 1, -1) / 10).reshape(shape)
    for index in zeros:
        x[index] = 0
    return x


def tied(*pairs: tuple[Index, Index]) -> Any:
    """Images in which pairs of pixels are equal, and the largest of all."""
    x = images()
    for i, (first, second) in enumerate(pairs):
        x[first] = x[second] = 10 + i
    return x


PLAIN = nn.Conv2d(2, 2, 1, bias=False, groups=2)
PLAIN.params["weight"][...] = 1
A, B, C = (0, 1, 2, 3), (1, 0, 0, 0), (1, 0, 0, 1)

KINKS: list[tuple[str, Any, Any, set[Index]]] = [
    ("ReLU at 0", nn.ReLU(), images(A, B), {A, B}),
    ("LeakyReLU at 0", nn.LeakyReLU(0.3), images(A, B), {A, B}),
    ("a tie of MaxPool2d", nn.MaxPool2d(2), tied((B, C)), {B, C}),
    ("a tie across windows", nn.MaxPool2d(3, 1), tied((A, (0, 1, 2, 2))), {A, (0, 1, 2, 2)}),
    ("fused ReLU", nn.Sequential(PLAIN, nn.ReLU()), images(A), {A}),
    (
        "fused ReLU and MaxPool2d", nn.Sequential(PLAIN, nn.ReLU(), nn.MaxPool2d(2)),
        tied((B, C)), {B, C},
    ),
    ("ReLU behind a sum", nn.Sequential(nn.Residual(nn.Identity()), nn.ReLU()), images(A), {A}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "x", "entries"), [k[1:] for k in KINKS], ids=[k[0] for k in KINKS]
)
def test_kinks_and_ties_of_our_layers(layer: Any, x: Any, entries: set[Index]) -> None:
    report = check_layer(layer, x)
    assert report.passed, report
    skipped = {s.index: s.reason for s in report["x"].skipped}
    assert set(skipped) == entries
    assert all(reason.startswith("a kink or a tie: the slope is") for reason in skipped.values())
    assert report["x"].checked == x.size - len(entries)


@pytest.mark.parametrize("layer", [nn.Sigmoid(), nn.Tanh(), nn.Softsign(), nn.GELU(), nn.SiLU()])
def test_what_is_smooth_has_no_kink_at_0(layer: Any) -> None:
    """Softsign has |x| in it, and bends at 0, but its slope is 1 on both sides."""
    check = check_layer(layer, images(A, B))["x"]
    assert check.passed, check
    assert not check.skipped


def test_a_tiny_derivative_is_not_judged_by_rounding() -> None:
    """GELU takes 1 + erf on its way to 1e-8: its derivative there is only known to 1e-11."""
    check = check_layer(nn.GELU(), np.linspace(-6.5, -5, 50).reshape(10, 5))["x"]
    assert check.passed, check


def test_a_tie_at_the_edge_of_fused_pooling_shows_in_the_weights() -> None:
    """Equal maxima stay equal when a weight moves: no kink for the weight, though one for x."""
    report = check_layer(nn.Sequential(PLAIN, nn.ReLU(), nn.MaxPool2d(2)), tied((B, C)))
    assert not report["0.weight"].skipped


def test_a_kink_of_a_parameter_is_found() -> None:
    """A bias that puts an output of the convolution at 0 exactly."""
    conv = nn.Conv2d(1, 1, 1)
    conv.params["weight"][...], conv.params["bias"][...] = 1, -2
    x = np.array([[[[2.0, 5.0]]]])
    report = check_layer(nn.Sequential(conv, nn.ReLU()), x)
    assert report["x"].checked == 1
    for key in ("0.weight", "0.bias"):
        assert [s.index for s in report[key].skipped] == [(0,) * len(report[key].shape)]


class MeanOfBoth:
    """max(x, 0), |x| or a tie, with the mean of both slopes: a central difference agrees."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def forward(self, x: Any) -> Any:
        if self.kind == "tie":
            return x.max(axis=1), x
        return (np.abs(x) if self.kind == "abs" else np.maximum(x, 0)), x

    def backward(self, dy: Any, cache: Any) -> Any:
        if self.kind == "tie":
            largest = cache == cache.max(axis=1, keepdims=True)
            return dy[:, None] * largest / largest.sum(axis=1, keepdims=True), {}
        signs = np.sign(cache)
        return dy * (signs if self.kind == "abs" else (signs + 1) / 2), {}


@pytest.mark.parametrize("kind", ["relu", "abs", "tie"])
def test_the_mean_of_both_slopes_is_never_taken_for_right(kind: str) -> None:
    x = np.array([[0.0, 0.0, -1.0], [2.0, -3.0, 1.0]])
    check = check_layer(MeanOfBoth(kind), x)["x"]
    assert {s.index for s in check.skipped} == {(0, 0), (0, 1)}
    assert check.checked == 4


def test_kinks_of_the_hinge_loss() -> None:
    """A wrong class that leads by minus the margin: at it, and at the right class too."""
    scores = np.array([[2.0, 1.0, 0.3], [0.5, 0.1, 3.0], [0.0, 0.0, 4.0]])
    targets = [0, 0, 2]
    check = check_loss(losses.HingeLoss(), scores, targets)["scores"]
    assert check.passed, check
    assert {s.index for s in check.skipped} == {(0, 0), (0, 1)}
    assert check.checked == 7


class MeanOfBothHinge(losses.HingeLoss):
    """Counts a margin that is just kept by half."""

    def backward(self, cache: Any, dvalue: Any = 1.0) -> Any:
        dscores = super().backward(cache, dvalue)
        dscores[0, 1], dscores[0, 0] = 0.5 / 2, -0.5 / 2
        return dscores


def test_half_a_kept_margin_is_not_taken_for_right() -> None:
    scores = np.array([[2.0, 1.0, 0.3], [0.5, 0.1, 3.0]])
    check = check_loss(MeanOfBothHinge(), scores, [0, 0])["scores"]
    assert {s.index for s in check.skipped} == {(0, 0), (0, 1)}


class AbsoluteLoss:
    """The mean of |score - target|."""

    def forward(self, scores: Any, targets: Any) -> Any:
        return np.mean(np.abs(scores - targets)), scores - targets

    def backward(self, cache: Any) -> Any:
        return np.sign(cache) / cache.size


def test_kinks_of_an_absolute_loss() -> None:
    scores = np.array([[1.0, 2.0], [3.0, 4.0]])
    check = check_loss(AbsoluteLoss(), scores, np.array([[1.0, 2.5], [0.0, 4.0]]))["scores"]
    assert check.passed, check
    assert {s.index for s in check.skipped} == {(0, 0), (1, 1)}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "make", [losses.CrossEntropyLoss, losses.HingeLoss, losses.MSELoss], ids=lambda m: m.__name__
)
def test_every_loss_in_every_reduction(make: Any, reduction: str) -> None:
    targets = np.linspace(-1, 1, 30).reshape(6, 5) if make is losses.MSELoss else None
    check = check_loss(make(reduction=reduction), (6, 5), targets)["scores"]
    assert check.passed, check
    assert check.checked == 30
