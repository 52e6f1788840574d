"""Sequential: order, caches that are used up, and gradients that nobody asks for."""

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

from cnnlite.layers import (
    Conv2d,
    Flatten,
    Identity,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
)


class Probe(Layer):
    """Hands through a copy; remembers who asked for dx, and what memory it kept."""

    def __init__(self, *, params: bool = False) -> None:
        self.asked: list[bool] = []
        self.kept: list[weakref.ref[np.ndarray]] = []
        if params:
            self.params["weight"] = np.ones(())

    def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
        y = x.copy()
        self.kept.append(weakref.ref(y))
        return y, [y]

    def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
        self.asked.append(need_dx)
        grads = {"weight": np.asarray(dy.sum())} if self.params else {}
        return (dy.copy() if need_dx else None), grads


def test_order_and_keys() -> None:
    model = Sequential(Linear(3, 4, rng=0), ReLU(), Linear(4, 2, rng=1))
    x = np.ones((5, 3), np.float32)
    expected = model[2](model[1](model[0](x)))
    np.testing.assert_array_equal(model(x), expected)
    np.testing.assert_array_equal(model.forward(x)[0], expected)


def test_a_second_backward_raises() -> None:
    model = Sequential(Linear(3, 4, rng=0), ReLU(), fuse=False)
    y, cache = model.forward(np.ones((5, 3), np.float32))
    assert len(cache) == 2
    model.backward(y, cache)
    assert cache == []
    with pytest.raises(RuntimeError, match="cache has 0 entries for 2 steps; backward empties it"):
        model.backward(y, cache)


def test_a_gradient_that_is_refused_leaves_the_cache_whole() -> None:
    model = Sequential(Linear(3, 4, rng=0), ReLU(), fuse=False)
    y, cache = model.forward(np.ones((5, 3), np.float32))
    with pytest.raises(ValueError, match=r"ReLU: dy has shape \(4, 5\)"):
        model.backward(y.T, cache)
    model.backward(y, cache)


def test_a_cache_of_another_network_is_refused() -> None:
    y, cache = Sequential(ReLU()).forward(np.ones((1, 1)))
    with pytest.raises(RuntimeError, match="1 entries for 2 steps"):
        Sequential(ReLU(), ReLU()).backward(y, cache)


def test_memory_is_given_back_on_the_way() -> None:
    alive: list[int] = []
    probes = [Probe(params=True) for _ in range(4)]

    class Watching(Probe):
        def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
            alive.append(sum(probe.kept[0]() is not None for probe in probes))
            return super().backward(dy, cache, need_dx)

    model = Sequential(*(layer for probe in probes for layer in (probe, Watching(params=True))))
    y, cache = model.forward(np.ones((2, 2)))
    gc.disable()  # reference counting must do
    try:
        model.backward(y, cache)
    finally:
        gc.enable()
    assert alive == [4, 3, 2, 1]
    assert all(probe.kept[0]() is None for probe in probes)


def test_inference_keeps_nothing() -> None:
    model = Sequential(Probe(), Sequential(Probe(), Probe()), Probe())
    y = model(np.ones(2))
    probes = [model[0], *model[1], model[2]]
    alive = [probe for probe in probes if probe.kept[0]() is not None]
    assert alive == [model[2]]
    assert y is model[2].kept[0]()


def test_nobody_asks_for_the_gradient_of_the_images() -> None:
    before, first, last = Probe(), Probe(params=True), Probe(params=True)
    model = Sequential(Sequential(before, Probe()), Sequential(Probe(), first), Probe(), last)
    y, cache = model.forward(np.ones((2, 2)))
    dx, grads = model.backward(y, cache, need_dx=False)
    assert dx is None
    assert cache == []
    assert before.asked == model[1][0].asked == []
    assert first.asked == [False]
    assert model[2].asked == last.asked == [True]
    assert set(grads) == {"1.1.weight", "3.weight"}


def test_nothing_runs_backward_where_nothing_is_trained() -> None:
    model = Sequential(Probe(), Probe())
    y, cache = model.forward(np.ones(2))
    assert model.backward(y, cache, need_dx=False) == (None, {})
    assert model[0].asked == model[1].asked == []


def test_gradients_are_the_same_with_and_without_dx() -> None:
    model = Sequential(
        Conv2d(2, 3, 3, rng=0), ReLU(), MaxPool2d(2), Flatten(), Linear(12, 2, rng=1)
    )
    x = np.random.default_rng(0).standard_normal((4, 2, 6, 6)).astype(np.float32)
    y, cache = model.forward(x)
    dx, grads = model.backward(y, cache)
    assert dx is not None
    assert dx.shape == x.shape
    y, cache = model.forward(x)
    nothing, again = model.backward(y, cache, need_dx=False)
    assert nothing is None
    np.testing.assert_equal(again, grads)


def test_a_layer_that_forgets_dx_is_named() -> None:
    class Forgetful(Probe):
        def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
            return None, {}

    model = Sequential(Probe(params=True), Forgetful())
    y, cache = model.forward(np.ones(2))
    with pytest.raises(TypeError, match=r"Forgetful\(\) returned no dx, though need_dx is true"):
        model.backward(y, cache, need_dx=False)


def test_indexing_slicing_iterating_and_appending() -> None:
    model = Sequential(Linear(3, 4, rng=0), ReLU())
    assert model.append(Linear(4, 2, rng=1)) is model
    assert len(model) == 3
    assert model[-1] is model[2]
    assert list(model) == [model[0], model[1], model[2]]
    head = model[:2]
    assert isinstance(head, Sequential)
    assert list(head) == [model[0], model[1]]
    assert list(model[2:].params) == ["0.weight", "0.bias"]
    with pytest.raises(IndexError):
        model[3]


def test_a_layer_can_be_swapped() -> None:
    model = Sequential(Linear(3, 4, rng=0), ReLU())
    model[-1] = LeakyReLU(0.5)
    x = -np.ones((1, 3), np.float32)
    np.testing.assert_array_equal(model(x), model[1](model[0](x)))
    assert (model(x) < 0).any()
    with pytest.raises(TypeError, match="expected a Layer"):
        model[0] = abs  # type: ignore[assignment]


def test_only_layers_are_taken() -> None:
    with pytest.raises(TypeError, match=r"Sequential: 3 is a int, expected a Layer"):
        Sequential(ReLU(), 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expected a Layer \(an instance, not the class\)"):
        Sequential(ReLU)  # type: ignore[arg-type]


def test_an_empty_network_hands_through() -> None:
    x = np.ones((2, 2))
    y, cache = Sequential().forward(x)
    assert y is x
    dx, grads = Sequential().backward(y, cache)
    assert dx is x
    assert grads == {}


def test_prints_as_torch_does(torch: Any) -> None:
    nn = torch.nn
    ours = Sequential(Sequential(ReLU(), Identity()), Linear(2, 3), Sequential())
    theirs = nn.Sequential(
        nn.Sequential(nn.ReLU(), nn.Identity()), nn.Linear(2, 3), nn.Sequential()
    )
    assert repr(ours) == repr(theirs)


def test_copies_run_by_themselves() -> None:
    model = Sequential(Linear(3, 4, rng=0), Sequential(ReLU(), Linear(4, 2, rng=1)))
    x = np.ones((1, 3), np.float32)
    y = model(x)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        for array in twin.params.values():
            array[...] = 0
        assert not twin(x).any()
        np.testing.assert_array_equal(model(x), y)
