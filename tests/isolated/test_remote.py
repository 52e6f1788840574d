"""A layer in a child process behaves as one in this process does, mistakes included."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.isolated.process import Lost
from cnnlite.isolated.remote import NotMade, Raised, load, start

LIMIT = 60  # seconds; so long, because the machine may be busy with other things
SOURCE = b"""
import numpy as np

class Layer:
    def __init__(self):
        self.params = {"weight": np.arange(1.0, 4.0), "bias": np.zeros(3)}
        self.buffers = {"calls": np.zeros((), np.int64)}
        self.y = np.empty((2, 3))
        self.weight = self.params["weight"]

    def forward(self, x, train=True):
        self.buffers["calls"] += train
        np.multiply(x, self.weight, out=self.y)
        x[0, 0] = 7
        return self.y, {"x": x, "more": [x.sum(axis=0)]}

    def backward(self, dy, cache):
        cache["more"][0][:] = -1
        self.params["bias"] = self.params["bias"].copy()
        return dy * self.weight, {"weight": self.params["weight"], "bias": dy.sum(axis=0)}

class Loss:
    def forward(self, x, targets):
        return ((x - targets) ** 2).sum(axis=1), x - targets

    def backward(self, cache, dvalue=1.0):
        dx = 2 * cache * np.reshape(dvalue, (-1, 1))
        if np.ndim(dvalue):
            dvalue[0] = 9
        return dx

class Fails:
    def __init__(self, wrong=True):
        if wrong:
            raise LookupError("not here")
"""


@pytest.fixture
def layer() -> Iterator[Any]:
    with start(LIMIT) as child:
        yield load(child, Path("own.py"), SOURCE, "Layer", "()", sys.path, LIMIT)[0]


def test_numbers_cross_both_ways(layer: Any) -> None:
    assert type(layer).__name__ == "Layer"
    x = np.arange(6.0).reshape(2, 3)
    y, _ = layer.forward(x.copy())
    np.testing.assert_array_equal(y, x * [1, 2, 3])
    layer.params["weight"][1] = 5  # the layer knows it by another name too
    y, cache = layer.forward(x.copy(), train=False)
    np.testing.assert_array_equal(y, x * [1, 5, 3])
    assert layer.buffers["calls"] == 1
    dx, grads = layer.backward(np.ones((2, 3)), cache)
    np.testing.assert_array_equal(dx, [[1, 5, 3]] * 2)
    np.testing.assert_array_equal(grads["bias"], [2, 2, 2])


def test_the_dvalue_of_a_loss_crosses_too() -> None:
    """A loss in the child took no dvalue, and no array by name."""
    with start(LIMIT) as child:
        loss, is_loss = load(child, Path("own.py"), SOURCE, "Loss", "()", sys.path, LIMIT)
        assert is_loss
        x, targets = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
        _, cache = loss.forward(x, targets)
        np.testing.assert_array_equal(loss.backward(cache), 2 * (x - 1))
        np.testing.assert_array_equal(loss.backward(cache, dvalue=0.5), x - 1)
        dvalue = np.array([1.0, 3.0])
        dx = loss.backward(cache, dvalue=dvalue)
        np.testing.assert_array_equal(dx, 2 * (x - 1) * [[1], [3]])
        np.testing.assert_array_equal(dvalue, [9, 3])  # it wrote into what it was given


def test_what_is_changed_there_is_changed_here(layer: Any) -> None:
    x = np.ones((2, 3))
    first, _ = layer.forward(x)
    assert x[0, 0] == 7
    layer.forward(2 * x)
    assert first[0, 1] == 4, "the layer has written its next result over this one"
    bias = layer.params["bias"]
    _, cache = layer.forward(np.ones((2, 3)))
    arrays = list(cache)
    _, grads = layer.backward(np.ones((2, 3)), cache)
    assert arrays[1][0] == -1, "backward has changed its cache"
    assert layer.params["bias"] is not bias, "backward has replaced an array"
    assert np.shares_memory(grads["weight"], layer.params["weight"])


def test_what_cannot_be_made_is_told() -> None:
    with start(LIMIT) as child, pytest.raises(NotMade, match="Layer, Loss, Fails"):
        load(child, Path("own.py"), SOURCE, "Nothing", "()", sys.path, LIMIT)
    with start(LIMIT) as child, pytest.raises(Raised, match=r"not here \(own.py, line ") as raised:
        load(child, Path("own.py"), SOURCE, "Fails", "(wrong=True)", sys.path, LIMIT)
    assert (type(raised.value).__name__, raised.value.stage) == ("LookupError", "make")


def test_what_is_lost_stays_lost(layer: Any) -> None:
    layer._calls.child.close()
    for _ in range(3):
        with pytest.raises(Lost):
            layer.forward(np.ones((2, 3)))
