"""Infinities and NaN on every rung of the ladder, and where other operations had lost them."""

import warnings
from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.post_ops import PostOps

SPECIAL = (np.inf, -np.inf, np.nan)
# x, filters, kernel, and the settings
SETTINGS = [
    ((2, 4, 7, 6), 6, (3, 3), {"padding": 1}),
    ((2, 4, 7, 6), 6, (3, 3), {"padding": ((3, 0), (2, 4)), "groups": 2}),
    ((1, 3, 9, 9), 4, (3, 3), {"stride": 2, "padding": 1}),  # four phases in one pass
    ((1, 2, 8, 7), 3, (3, 2), {"stride": (3, 1), "padding": 2}),
    ((2, 2, 7, 9), 3, (2, 3), {"dilation": (2, 1), "padding": ((1, 3), (0, 2))}),
    ((1, 3, 8, 8), 2, (1, 1), {"stride": 2, "padding": 1}),
    ((2, 3, 5, 5), 4, (1, 1), {}),
    ((1, 2, 4, 4), 2, (4, 4), {"padding": ((2, 3), (3, 2))}),
    ((1, 3, 6, 6), 2, (3, 3), {"padding": 1, "padding_mode": "circular"}),
    ((1, 3, 6, 6), 2, (3, 3), {"padding": 2, "padding_mode": "reflect"}),
    ((1, 3, 6, 6), 2, (3, 3), {"padding": 2, "padding_mode": "replicate"}),
]
DEPTHWISE = [
    ((2, 3, 9, 33), 3, (3, 3), {"padding": 1}),
    ((2, 2, 10, 19), 4, (3, 3), {"padding": 1, "stride": 2}),
    ((2, 2, 7, 7), 2, (3, 3), {"padding": 1}),  # rows that share a vector
    ((2, 2, 4, 3), 4, (3, 3), {"padding": ((2, 0), (0, 2))}),
    ((1, 2, 8, 7), 6, (3, 2), {"stride": (3, 1), "padding": 2}),
    ((1, 2, 7, 9), 2, (2, 3), {"dilation": (2, 1), "padding": ((1, 3), (0, 2))}),
    ((1, 2, 5, 5), 2, (1, 1), {"stride": 2, "padding": 3}),
    ((1, 2, 6, 6), 2, (5, 5), {"padding": 2}),
]


RUNGS = [
    (algorithm, setting)
    for algorithm in ("im2col", "tiled", "winograd")
    for setting in SETTINGS
    if algorithm != "winograd"
    or (setting[2] == (3, 3) and not {"stride", "dilation"} & set(setting[3]))
] + [
    ("depthwise", (shape, filters, kernel, options | {"groups": shape[1]}))
    for shape, filters, kernel, options in DEPTHWISE
]


def kinds(x: Any) -> Any:
    """0 where a number is finite, else which of the special ones it is."""
    return np.select([np.isnan(x), x == np.inf, x == -np.inf], [3, 1, 2], 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("algorithm", "setting"), RUNGS, ids=str)
def test_every_rung_puts_what_is_not_finite_where_naive_does(rng, algorithm, dtype, setting):
    shape, filters, kernel, options = setting
    weight_shape = filters, shape[1] // options.get("groups", 1), *kernel
    for number in range(12):
        x, weight, bias = (
            rng.standard_normal(size).astype(dtype) for size in (shape, weight_shape, filters)
        )
        y = F.conv2d_forward(x, weight, bias, **options)[0]
        dy = rng.standard_normal(y.shape).astype(dtype)
        if number % 2:  # zeros, which an infinity turns to NaN
            x[x < 0], weight[weight < 0], dy[dy < 0] = 0, 0, 0
        array = (x, weight, dy)[number % 3]
        array.flat[rng.integers(array.size)] = SPECIAL[rng.integers(3)]
        results = []
        for rung in ("naive", algorithm):
            y, cache = F.conv2d_forward(x, weight, bias, algorithm=rung, **options)
            results.append((y, *F.conv2d_backward(dy, cache)))
        for truth, got in zip(*results, strict=True):
            np.testing.assert_array_equal(kinds(got), kinds(truth))


@pytest.mark.parametrize("pool", [False, True])
def test_relu_hid_the_minus_infinity_that_winograd_made_of_an_infinity(rng, pool):
    """Bits before ReLU and pooling count: -inf that should be +inf became 0."""
    x = rng.standard_normal((2, 16, 12, 12)).astype(np.float32)
    weight = rng.standard_normal((16, 16, 3, 3)).astype(np.float32)
    x[0, 3, 5, 5], x[1, 2, 0, 11] = np.inf, -np.inf
    results = []
    for rung in ("im2col", "winograd"):
        post = PostOps(activation="relu", pool=pool)
        y, cache = F.conv2d_forward(x, weight, padding=1, algorithm=rung, post=post)
        results.append((y, *F.conv2d_backward(np.ones_like(y), cache)[:2]))
    for truth, got in zip(*results, strict=True):
        np.testing.assert_array_equal(kinds(got), kinds(truth))


def test_batch_norms_gradient_with_running_statistics_depended_on_x(rng):
    x = rng.standard_normal((3, 2, 5, 7)).astype(np.float32)
    x[0, 1, 2, 3], x[1, 0, 4, 6] = np.nan, np.inf
    gamma, ones = np.array([2, -3], np.float32), np.ones(2, np.float32)
    _, cache = F.batch_norm_forward(x, gamma, ones, ones, ones, False, eps=0.0)
    dy = rng.standard_normal(x.shape).astype(np.float32)
    dx, _, _ = F.batch_norm_backward(dy, cache)
    np.testing.assert_array_equal(dx, dy * gamma[:, None, None])


def test_focal_loss_of_an_impossible_class_had_the_gradient_nan():
    scores = np.array([[-np.inf, 0.0, 1.0]])
    for gamma in (0.0, 2.0):
        value, cache = F.focal_loss_forward(scores, [0], gamma)
        assert value == np.inf
        _, expected = F.cross_entropy_forward(scores, [0])
        np.testing.assert_allclose(F.focal_loss_backward(cache), F.cross_entropy_backward(expected))


def test_softsign_of_infinity_is_nan_and_so_is_its_gradient():
    y, cache = F.softsign_forward(np.array([np.inf, -np.inf, 1.0]))
    dx = F.softsign_backward(np.ones(3), cache)
    np.testing.assert_array_equal(np.isnan(y), [True, True, False])
    np.testing.assert_array_equal(np.isnan(dx), [True, True, False])


def test_zero_times_infinity_warned():
    x = np.array([np.inf, -np.inf, np.nan, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, cache = F.dropout_forward(x, 1.0, True, np.random.default_rng(0))
        assert np.isnan(y[:3]).all()
        assert np.isnan(F.dropout_backward(x, cache)[:3]).all()
        y, leaky = F.leaky_relu_forward(x, 0.0)
        np.testing.assert_array_equal(y, [np.inf, np.nan, np.nan, 1])
        F.leaky_relu_backward(np.full(4, np.inf), leaky)
