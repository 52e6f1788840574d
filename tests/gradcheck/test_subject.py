"""The gradient checker: rules other than the gradients' values, and layers that break them."""

from typing import Any

import numpy as np
import pytest

from cnnlite.gradcheck import check_layer, check_loss
from cnnlite.layers import ReLU


class Affine:
    """A student's layer: forward, backward and params, nothing else."""

    def __init__(self, n: int = 3, m: int = 4) -> None:
        rng = np.random.default_rng(5)
        self.params = {"weight": rng.standard_normal((m, n)), "bias": rng.standard_normal(m)}

    def forward(self, x: Any) -> Any:
        return x @ self.params["weight"].T + self.params["bias"], x

    def backward(self, dy: Any, cache: Any) -> Any:
        grads = {"weight": dy.T @ cache, "bias": dy.sum(axis=0)}
        return dy @ self.params["weight"], grads


class Stateful(Affine):
    """A layer with a running statistic, a mask from rng, and a choice of what it spoils."""

    def __init__(self, spoil: str = "") -> None:
        super().__init__()
        self.spoil, self.calls = spoil, 0
        self.buffers = {"mean": np.zeros(3)}
        self.total: Any = 0.0

    def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
        self.calls += 1
        self.buffers["mean"] += x.mean(axis=0)
        mask = np.random.default_rng(rng).random(3) < 0.7
        shift = self.calls if self.spoil == "repeat" else self.buffers["mean"].sum()
        y = (x * mask) @ self.params["weight"].T + self.params["bias"] + 0 * shift
        if self.spoil == "repeat":
            y = y + shift
        if self.spoil == "x":
            x += 1
        return y, (x.copy(), mask)

    def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
        x, mask = cache
        if self.spoil == "cache":
            x *= 2
        if self.spoil == "dy":
            dy *= 2
        if self.spoil == "params":
            self.params["bias"] += 1
        grads = {"weight": dy.T @ (x * mask), "bias": dy.sum(axis=0)}
        if self.spoil == "adds":
            self.total = self.total + grads["bias"]
            grads["bias"] = self.total
        if self.spoil == "need_dx" and not need_dx:
            grads["bias"] = 2 * grads["bias"]
        if self.spoil == "keys":
            grads["scale"] = np.ones(2)
        return (dy @ self.params["weight"]) * mask, grads


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        ("repeat", "forward gives another result for the same x"),
        ("x", "x was changed by forward or backward"),
        ("cache", "backward changed its cache"),
        ("dy", "dy was changed by forward or backward"),
        ("params", "bias was changed by forward or backward"),
        ("adds", "it adds to the first one"),
        ("need_dx", "need_dx=False changes the parameters' gradients"),
        ("keys", "grads has 'scale', which is not a parameter"),
    ],
)
def test_broken_rules_are_reported(spoil: str, problem: str) -> None:
    report = check_layer(Stateful(spoil), (4, 3))
    assert not report.passed
    assert any(problem in p for p in report.problems), report


def test_the_layer_itself_stays_as_it_was() -> None:
    layer = Stateful()
    layer.params = {k: v.astype(np.float32) for k, v in layer.params.items()}
    before = {k: v.copy() for k, v in layer.params.items()}
    x = np.ones((4, 3), np.float32)
    assert check_layer(layer, x).passed
    assert layer.calls == 0
    assert not layer.buffers["mean"].any()
    for key, value in layer.params.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, before[key])
    np.testing.assert_array_equal(x, 1)


@pytest.mark.parametrize(
    ("method", "result", "message"),
    [
        ("forward", np.ones(3), r"forward must return \(y, cache\), got ndarray"),
        ("backward", None, r"backward must return \(dx, a dict of gradients\), got None"),
        ("backward", (1, 2), r"backward must return \(dx, a dict of gradients\)"),
    ],
)
def test_methods_that_return_something_else(method: str, result: Any, message: str) -> None:
    layer = type("Wrong", (Affine,), {method: lambda self, *args: result})()
    with pytest.raises(TypeError, match=f"Wrong.{message}"):
        check_layer(layer, (5, 3))


class SquaredLoss:
    """sum of squares / N, with or without the division in backward."""

    def __init__(self, divides: bool) -> None:
        self.divides = divides

    def forward(self, scores: Any, targets: Any) -> Any:
        return np.sum(scores**2) / len(scores), scores

    def backward(self, cache: Any) -> Any:
        return 2 * cache / (len(cache) if self.divides else 1)


def test_a_loss_with_a_forgotten_division() -> None:
    assert check_loss(SquaredLoss(True), (6, 3)).passed
    report = check_loss(SquaredLoss(False), (6, 3))
    assert "a division by N (1/N) was forgotten" in report["scores"].diagnosis
    assert "SquaredLoss" in str(report)


class ListParameter(ReLU):
    def __init__(self) -> None:
        self.params["weight"] = [1.0, 2.0]  # type: ignore[assignment]


def test_a_parameter_that_is_no_array_is_named() -> None:
    with pytest.raises(TypeError, match=r"params\['weight'\] is a list, not an array"):
        check_layer(ListParameter(), (3, 2))


def test_a_layer_with_randomness_of_its_own_is_told_that_and_nothing_else() -> None:
    class Noisy(Affine):
        def forward(self, x: Any) -> Any:
            y, cache = super().forward(x)
            return y * np.random.random(y.shape), cache  # noqa: NPY002

    (problem,) = check_layer(Noisy(), (5, 3)).problems
    assert problem.startswith("forward gives another result for the same x and the same rng")
