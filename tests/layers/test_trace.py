"""Each layer's forward is seen, under its name, wherever it stands and however it is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite import layers as L
from cnnlite.layers import Layer
from cnnlite.layers.trace import trace


def x() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2, 3, 6, 6)).astype(np.float32)


def test_paths_are_those_of_the_parameters_and_fused_layers_are_seen_apart() -> None:
    body = L.Sequential(L.Conv2d(3, 3, 3, padding=1, rng=0), L.BatchNorm2d(3))
    model = L.Sequential(L.Residual(body), L.ReLU(), L.Flatten(), L.Linear(108, 4, rng=1))
    runs = trace(model, x())
    assert [ran.path for ran in runs] == ["0.body.0", "0.body.1", "0.body", "0", "1", "2", "3", ""]
    assert np.array_equal(runs[-1].y, model(x()))
    for ran in runs:
        assert np.array_equal(ran.layer(ran.x), ran.y)
        prefix = f"{ran.path}." if ran.path else ""
        assert {prefix + key for key in ran.layer.params} <= set(model.params)


def test_a_layer_that_stands_twice_has_the_name_of_each_place() -> None:
    relu, conv = L.ReLU(), L.Conv2d(3, 3, 3, padding=1, rng=0)
    part = L.Sequential(conv, relu)
    runs = trace(L.Sequential(part, part, relu), x())
    names = ["0.0", "0.1", "0", "1.0", "1.1", "1", "2", ""]
    assert [ran.path for ran in runs] == names


class Own(L.Container):
    """A container that calls its layers in every way there is."""

    def __init__(self) -> None:
        self.first, self.second = L.Conv2d(3, 3, 3, padding=1, rng=0), L.Tanh()
        self.third = L.Sequential(L.ReLU())

    def children(self) -> dict[str, Layer]:
        return {"first": self.first, "second": self.second, "third": self.third}

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
        if train:
            raise AssertionError("this is inference")
        return self.third(self.second(self.first(x))) + 1, None

    def backward(self, dy: np.ndarray, cache: None, need_dx: bool = True) -> tuple:
        raise NotImplementedError


def test_a_container_of_ones_own_may_call_its_layers_as_in_inference() -> None:
    runs = trace(Own(), x())
    assert [ran.path for ran in runs] == ["first", "second", "third.0", ""]
    assert np.array_equal(runs[-1].y, runs[-2].y + 1)


def test_a_lone_layer_has_no_name() -> None:
    assert [ran.path for ran in trace(L.ReLU(), x())] == [""]


def test_a_fault_leaves_the_network_as_it_was() -> None:
    model = L.Sequential(L.Conv2d(4, 3, 3))
    with pytest.raises(ValueError, match="x has 3 channels"):
        trace(model, x())
    assert "forward" not in vars(model[0])
    assert model.fuse
