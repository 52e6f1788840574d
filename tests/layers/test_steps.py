"""Which layers run together: exact types only, and only when asked."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import BatchNorm1d, Flatten, Layer, Linear, ReLU, Residual, Sequential, Tanh
from cnnlite.layers.fuse import all_taken, cut_into_steps


class MyReLU(ReLU):
    """A class of one's own, which fusion must leave alone."""


class MyLinear(Linear):
    """Likewise."""


class MySequential(Sequential):
    """Likewise."""


def steps_of(*layers: Layer, fuse: bool = True) -> list[int]:
    named = {str(i): layer for i, layer in enumerate(layers)}
    steps = cut_into_steps(named, fuse)
    assert [layer for step in steps for layer in step.layers] == list(layers)
    return [len(step.layers) for step in steps]


def linear(inputs: int = 3, outputs: int = 3) -> Linear:
    return Linear(inputs, outputs, dtype=np.float64, rng=0)


def test_exact_types_run_together() -> None:
    assert steps_of(linear(), ReLU(), linear()) == [2, 1]
    assert steps_of(Flatten(), linear(), ReLU()) == [1, 2]
    assert steps_of(linear(), Tanh()) == [1, 1]
    assert steps_of(linear(), MyReLU()) == [1, 1]
    assert steps_of(MyLinear(3, 3), ReLU()) == [1, 1]
    assert steps_of(linear(), ReLU(), ReLU()) == [2, 1]
    assert steps_of(linear(), ReLU(), fuse=False) == [1, 1]
    assert steps_of(ReLU()) == [1]
    assert steps_of() == []


def test_a_network_takes_what_its_last_layer_takes() -> None:
    norm = BatchNorm1d(3)
    assert ("add", "relu") in all_taken(Sequential(linear(), norm))
    assert ("add", "relu") not in all_taken(MySequential(linear(), norm))
    assert ("add",) not in all_taken(Sequential(linear(), norm, ReLU()))
    assert ("add",) not in all_taken(Sequential(linear()))
    assert ("relu",) not in all_taken(Sequential())
    assert ("relu",) not in all_taken(Sequential(Tanh()))


def test_a_class_derived_from_ours_runs_as_it_was_written() -> None:
    """Also where it ends the body of a residual block."""

    class Twice(BatchNorm1d):
        def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
            y, cache = super().forward(x, train, rng)
            return 2 * y, cache

        def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
            return super().backward(2 * dy, cache, need_dx)

        def __call__(self, x: Any, *post: Any) -> Any:
            return self.forward(x, False)[0]

    x = np.random.default_rng(0).standard_normal((4, 3))
    outcomes = []
    for fuse in (True, False):
        block = Residual(Sequential(linear(), Twice(3, dtype=np.float64), fuse=fuse))
        model = Sequential(block, ReLU(), fuse=fuse)
        y, cache = model.forward(x)
        outcomes.append([y, model.backward(y, cache)[0], model(x)])
    np.testing.assert_array_equal(outcomes[0], outcomes[1])


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


@pytest.mark.parametrize("need_dx", [True, False])
def test_an_addend_has_a_gradient_where_nothing_is_trained(need_dx: bool) -> None:
    block = Residual(Sequential(BatchNorm1d(3, affine=False)), Sequential(linear()))
    model = Sequential(block, ReLU())
    x = np.random.default_rng(0).standard_normal((4, 3))
    plain = Sequential(block, ReLU(), fuse=False)
    block.body = block.body.astype(np.float64)
    got = model.backward(x, model.forward(x)[1], need_dx)
    want = plain.backward(x, plain.forward(x)[1], need_dx)
    np.testing.assert_equal(got, want)
