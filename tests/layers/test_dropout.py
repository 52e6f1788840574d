"""Dropout: its mask depends on seed, step, path and element, on nothing else."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import Conv2d, Dropout, Identity, ReLU, Residual, Sequential
from cnnlite.random import Rng, manual_seed

ONES = np.ones((8, 3, 10, 10))


def test_it_drops_this_share_and_scales_the_rest() -> None:
    y, _ = Dropout(0.3).forward(np.ones((100, 1000)), rng=0)
    assert set(np.unique(y)) == {0, 1 / 0.7}
    assert abs((y == 0).mean() - 0.3) < 0.01
    assert abs(y.mean() - 1) < 0.01


def test_evaluation_hands_through() -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    np.testing.assert_array_equal(Dropout(0.9)(x), x)
    y, cache = Dropout(0.9).forward(x, train=False)
    np.testing.assert_array_equal(Dropout(0.9).backward(y, cache)[0], x)


def test_extremes() -> None:
    np.testing.assert_array_equal(Dropout(0).forward(ONES)[0], ONES)
    y, cache = Dropout(1).forward(ONES, rng=0)
    assert not y.any()
    dx, _ = Dropout(1).backward(ONES, cache)
    assert dx is not None
    assert not dx.any()


def test_the_gradient_goes_where_the_signal_went() -> None:
    layer = Dropout(0.5)
    y, cache = layer.forward(ONES, rng=0)
    np.testing.assert_array_equal(layer.backward(ONES, cache)[0], y)


def masks(model: Any, rng: Any, x: np.ndarray = ONES) -> np.ndarray:
    return model.forward(x, rng=rng)[0] != 0


def test_each_part_of_the_place_changes_the_mask() -> None:
    layer = Dropout(0.5)
    mask = masks(layer, Rng(0))
    np.testing.assert_array_equal(masks(layer, Rng(0)), mask)
    np.testing.assert_array_equal(masks(layer, 0), mask)
    for other in (Rng(1), Rng(0, 1), Rng(0, 0, "0")):
        assert 0.4 < (masks(layer, other) == mask).mean() < 0.6


def test_the_path_alone_decides_not_what_stands_around() -> None:
    bare = Sequential(Identity(), Dropout(0.5))
    other = Sequential(Dropout(0.2), Dropout(0.5))
    drops = masks(bare, Rng(3, 4))
    _, cache = other.forward(ONES, rng=Rng(3, 4))
    np.testing.assert_array_equal(cache[1].keep, drops)
    nested = Sequential(Residual(Sequential(Dropout(0.5))))
    _, cache = nested.forward(ONES, rng=Rng(3, 4))
    alone, _ = Dropout(0.5).forward(ONES, rng=Rng(3, 4, "0.body.0"))
    np.testing.assert_array_equal(cache[0].body[0].keep, alone != 0)


def test_a_layer_that_stands_twice_drops_differently() -> None:
    twice = Dropout(0.5)
    _, cache = Sequential(twice, twice).forward(ONES, rng=0)
    assert 0.4 < (cache[0].keep == cache[1].keep).mean() < 0.6


def test_a_shorter_batch_drops_the_same_elements() -> None:
    np.testing.assert_array_equal(masks(Dropout(0.5), 0, ONES[:3]), masks(Dropout(0.5), 0)[:3])


def test_both_dtypes_drop_the_same_elements() -> None:
    np.testing.assert_array_equal(
        masks(Dropout(0.5), 0, ONES.astype(np.float32)), masks(Dropout(0.5), 0)
    )


def test_without_rng_the_common_stream_is_used_and_moves_on() -> None:
    model = Sequential(Conv2d(3, 3, 1, dtype=np.float64, rng=0), ReLU(), Dropout(0.5))
    manual_seed(5)
    first, second = model.forward(ONES)[0], model.forward(ONES)[0]
    assert (first != second).any()
    manual_seed(5)
    np.testing.assert_array_equal(model.forward(ONES)[0], first)


@pytest.mark.parametrize(
    ("p", "error"),
    [
        (1.5, ValueError),
        (-0.1, ValueError),
        (float("nan"), ValueError),
        ("0.5", TypeError),
        (None, TypeError),
    ],
)
def test_wrong_p(p: Any, error: Any) -> None:
    with pytest.raises(error, match=r"Dropout: p is .*, expected a number from 0 to 1"):
        Dropout(p)


def test_wrong_rng() -> None:
    with pytest.raises(TypeError, match=r"rng is 'x', expected None, an integer"):
        Dropout(0.5).forward(ONES, rng="x")  # type: ignore[arg-type]
