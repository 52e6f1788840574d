"""Which layers run together: exact types only, and only when asked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from cnnlite.layers import Flatten, Layer, Linear, ReLU, Sequential, Tanh
from cnnlite.layers.steps import FUSED, Step, cut_into_steps


class LinearReLU(Step):
    """Two layers as one step, with one cache."""

    def forward(self, x: Any, train: bool, rng: Any) -> Any:
        linear, relu = self.layers.values()
        y, first = linear.forward(x, train)
        y, second = relu.forward(y, train)
        return y, {"linear": first, "relu": second}

    def backward(self, dy: Any, cache: Any, need_dx: bool) -> Any:
        (name, linear), (_, relu) = self.layers.items()
        dy, _ = relu.backward(dy, cache["relu"])
        dx, grads = linear.backward(dy, cache["linear"], need_dx)
        return dx, [(name, grads)]

    def __call__(self, x: Any) -> Any:
        linear, relu = self.layers.values()
        return relu(linear(x))


class MyReLU(ReLU):
    """A class of one's own, which fusion must leave alone."""


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_wide(layers: Mapping[str, Layer]) -> Step | None:
        return (
            None if next(iter(layers.values())).params["weight"].size > 100 else LinearReLU(layers)
        )

    monkeypatch.setitem(FUSED, (Linear, ReLU), not_wide)


def steps_of(*layers: Layer, fuse: bool = True) -> list[tuple[str, ...]]:
    named = {str(i): layer for i, layer in enumerate(layers)}
    return [tuple(step.layers) for step in cut_into_steps(named, fuse)]


def linear(inputs: int = 3, outputs: int = 3) -> Linear:
    return Linear(inputs, outputs, dtype=np.float64, rng=0)


@pytest.mark.usefixtures("fused")
def test_groups_of_exact_types_run_together() -> None:
    assert steps_of(linear(), ReLU(), linear()) == [("0", "1"), ("2",)]
    assert steps_of(Flatten(), linear(), ReLU()) == [("0",), ("1", "2")]
    assert steps_of(linear(), Tanh()) == [("0",), ("1",)]
    assert steps_of(linear(), MyReLU()) == [("0",), ("1",)]
    assert steps_of(linear(), ReLU(), fuse=False) == [("0",), ("1",)]
    assert steps_of(linear(20, 20), ReLU()) == [("0",), ("1",)]
    assert steps_of() == []


@pytest.mark.usefixtures("fused")
def test_the_longest_group_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUSED, (Linear, ReLU, Flatten), Step)
    assert steps_of(linear(), ReLU(), Flatten()) == [("0", "1", "2")]
    assert steps_of(linear(), ReLU(), Tanh()) == [("0", "1"), ("2",)]


@pytest.mark.usefixtures("fused")
def test_fused_gives_the_same_as_one_by_one(check_gradients: Any) -> None:
    layers = (linear(), ReLU(), Sequential(linear(), ReLU()), linear())
    fused, plain = Sequential(*layers), Sequential(*layers, fuse=False)
    x = np.random.default_rng(0).standard_normal((4, 3))
    y, cache = fused.forward(x)
    z, plain_cache = plain.forward(x)
    assert len(cache) == 3
    assert len(plain_cache) == 4
    np.testing.assert_array_equal(y, z)
    np.testing.assert_array_equal(fused(x), plain(x))
    for need_dx in (True, False):
        got = fused.backward(y, fused.forward(x)[1], need_dx)
        want = plain.backward(y, plain.forward(x)[1], need_dx)
        np.testing.assert_equal(got, want)
    check_gradients(fused, (4, 3))


@pytest.mark.usefixtures("fused")
def test_steps_follow_every_change_of_the_network() -> None:
    model = Sequential(linear(), Tanh())
    x = np.ones((1, 3))
    assert len(model.forward(x)[1]) == 2
    model[1] = ReLU()
    assert len(model.forward(x)[1]) == 1
    model.fuse = False
    assert len(model.forward(x)[1]) == 2
    model.fuse = True
    model.append(linear()).append(ReLU())
    assert len(model.forward(x)[1]) == 2
    model.fuse = False
    assert not model[:1].fuse
