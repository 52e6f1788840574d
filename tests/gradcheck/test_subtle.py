"""Mistakes that the first values do not show are found, and right layers stay right."""

import re
from typing import Any

import pytest

from cnnlite.gradcheck import GradientReport, check_layer
from tests.gradcheck import subtle_layers

OTHERS = "right at the layer's own parameters and buffers, wrong at others"
WRONG: dict[str, tuple[str, str]] = {
    "DxIsDy": ("x", f"{OTHERS} .*: the factor weight is missing"),
    "ScaleInPlace": ("", "x was changed by forward or backward"),
    "DyInPlace": ("", "dy was changed by forward or backward"),
    "WeightSquared": ("x", f"{OTHERS} .*: weight is a factor too many"),
    "GradientUsesY": ("weight", f"{OTHERS} .*: weight is a factor too many"),
    "WeightDecay": ("weight", "0.01 times the parameter is added: weight decay belongs to"),
    "ClipsItsWeight": ("", "weight was changed by forward or backward"),
    "ReplacesItsWeight": ("", r"params\['weight'\] was replaced by another array"),
    "BackwardStepsItself": ("", "weight was changed by forward or backward"),
    "NoGradientsWithoutDx": ("", "need_dx=False changes the parameters' gradients"),
    "HalfGradientsWithoutDx": ("", "need_dx=False changes the parameters' gradients"),
    "RaisesWithoutDx": ("", "backward raises with need_dx=False: NameError: name 'undefined'"),
    "PopsItsCache": ("", "backward cannot be called twice with one cache: IndexError: pop from"),
    "ReusesItsOutput": ("", "forward's result is overwritten by the next forward"),
    "ReusesItsGradients": ("", "the gradients are overwritten by the next backward"),
    "Float32Forward": ("", "forward rounds on the way, it does not feel small steps of x"),
    "Float32Backward": ("", "backward rounds to .* on the way: keep float64"),
    "Float16Weight": (
        "weight",
        "the gradient should be zero: the output does not depend on this array",
    ),
    "MissingBatchSum": ("weight", r"shape \(4, 3\), expected \(3,\): the sum over the batch is"),
    "FirstExampleOnly": ("weight", "only example 0 is counted: the sum over the batch is missing"),
    "FixedBatch": ("weight", "with a batch of 5: "),
    "FailsForOne": ("", "with a batch of 1: IndexError: index 1 is out of bounds"),
    "RemembersItsShape": ("", "must be in the cache, not in the layer"),
    "RemembersItsMode": ("", "must be in the cache, not in the layer"),
    "OneEvalFormula": ("x", "with train=False: right but for a factor: it is 2 times"),
    "FailsInEval": ("", "with train=False: NameError: name 'undefined'"),
    "DxWithoutGamma": ("x", f"{OTHERS} .*: the factor weight is missing"),
    "DgammaWithY": ("weight", f"{OTHERS} .*y stands for what equals it only there"),
    "MeanIsConstant": ("x", "192 of 192 entries are wrong"),
    "VarianceIsConstant": ("x", "192 of 192 entries are wrong"),
    "DxUsesY": ("x", OTHERS),
    "BiasedByN": (
        "x",
        "right but for a factor: it is 0.99.* N - 1 for N, in one of forward and backward only",
    ),
    "EpsForgotten": ("x", "for x 1000 times smaller .*epsilon"),
    "EpsAfterTheRoot": (
        "x",
        "it is 1-5e-06 times .*an epsilon, .* in one of forward and backward only",
    ),
    "TrainFormulaInEval": ("x", "with train=False: "),
    "EvalDxWithoutStd": ("x", "with train=False: "),
    "MovesBuffersInEval": ("", "the buffer mean was changed by forward, though train is False"),
    "BackwardMovesBuffers": ("", "the buffer mean was changed by backward"),
    "MaskDrawnAgain": ("x", "its zeros are not those of forward's mask"),
    "MaskInSelf": ("", "must be in the cache, not in the layer"),
    "MaskNotScaled": ("x", "right but for a factor: it is 0.5 times"),
    "DropsInEvalBackward": ("x", "with train=False: "),
    "BranchForgotten": ("x", f"{OTHERS} .*: dx is dy itself"),
    "ShortcutForgotten": ("x", "dy is to be added: the gradient along the shortcut is missing"),
    "WeightNotTransposed": ("x", OTHERS),
    "OneArrayForTwo": ("", "the gradients of a and of b lie in the same memory"),
    "GradientInTheParameter": ("", "the gradient of a lies in the memory of the parameter a"),
    "GeluOfTanhBackward": ("x", "nearly right, off by .*forward and backward use different"),
    "GeluOfSigmoidBackward": ("x", "nearly right, off by .*forward and backward use different"),
    "StrideIgnored": ("x", "entries are wrong; the others are right"),
    "StrideRepeated": ("x", "entries are wrong; the others are right"),
    "SoftmaxDiagonal": ("x", "entries are wrong"),
}
"""Which gradient is wrong ("": a rule is broken), and what is said of it."""

CLASSES = {
    name: item
    for name, item in vars(subtle_layers).items()
    if isinstance(item, type) and item.__module__ == subtle_layers.__name__
}
RIGHT = [name for name in CLASSES if name.startswith("Right")]


def shape_of(name: str) -> tuple[int, ...]:
    flat = issubclass(CLASSES[name], (subtle_layers.RightSquare, subtle_layers.RightSoftmax))
    return (5, 3) if flat else subtle_layers.IMAGES


def check(name: str, **options: Any) -> GradientReport:
    return check_layer(CLASSES[name](), shape_of(name), **options)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(name: str) -> None:
    report = check(name)
    assert not report.passed
    gradient, words = WRONG[name]
    said = [report[gradient].diagnosis] if gradient else report.problems
    assert any(re.search(words, text) for text in said), report


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", WRONG)
def test_it_is_found_with_any_seed(name: str, seed: int) -> None:
    assert not check(name, seed=seed + 1, max_entries=40).passed


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_right_with_any_seed(name: str, seed: int) -> None:
    report = check(name, seed=seed, max_entries=40)
    assert report.passed, report


def test_every_layer_is_in_a_table() -> None:
    assert {*CLASSES} == {*WRONG, *RIGHT}
