"""Normalisation where a mean is large beside the deviation, or where numbers are huge or tiny."""

from __future__ import annotations

import numpy as np
import pytest

from cnnlite import functional as F
from cnnlite.layers import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm
from cnnlite.post_ops import RELU

DTYPES = [np.float32, np.float64]
ROW = 4096


def layer_norm(x, eps=1e-5):
    y, cache = F.layer_norm_forward(x, x.shape[1], None, None, eps)
    return y, lambda dy: F.layer_norm_backward(dy, cache)[0]


def group_norm(x, eps=1e-5):
    images = x.reshape(len(x), 1, -1, 4)
    y, cache = F.group_norm_forward(images, 1, None, None, eps)
    return (
        y.reshape(x.shape),
        lambda dy: F.group_norm_backward(dy.reshape(images.shape), cache)[0].reshape(x.shape),
    )


def instance_norm(x, eps=1e-5):
    images = x.reshape(1, len(x), -1, 4)
    y, cache = F.group_norm_forward(images, len(x), None, None, eps)
    return (
        y.reshape(x.shape),
        lambda dy: F.group_norm_backward(dy.reshape(images.shape), cache)[0].reshape(x.shape),
    )


def batch_norm(x, eps=1e-5):
    """Rows become channels of one image."""
    y, cache = F.batch_norm_forward(x[None], None, None, None, None, True, eps=eps)
    return y[0], lambda dy: F.batch_norm_backward(dy[None], cache)[0][0]


def batch_norm_1d(x, eps=1e-5):
    columns = np.ascontiguousarray(x.T)
    y, cache = F.batch_norm_forward(columns, None, None, None, None, True, eps=eps)
    return y.T, lambda dy: F.batch_norm_backward(np.ascontiguousarray(dy.T), cache)[0].T


NORMS = [layer_norm, group_norm, instance_norm, batch_norm, batch_norm_1d]


def definition(x, dy, eps):
    """y and dx in extended precision."""
    x, dy = x.astype(np.longdouble), dy.astype(np.longdouble)
    centred = x - x.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + np.longdouble(eps))
    xhat = centred / deviation
    slope = (dy * xhat).mean(axis=1, keepdims=True)
    return xhat, (dy - dy.mean(axis=1, keepdims=True) - xhat * slope) / deviation


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("eps", [1e-5, 1e-12, 0.0])
@pytest.mark.parametrize("value", [1000.1, 1e5 + 0.1, -0.1, 0.0, 3e-41, 1e37])
def test_rows_of_equal_numbers_become_zero(norm, dtype, eps, value):
    """1000.1 gave 0.039, 1e5 + 0.1 gave 0.98, and eps=0 gave NaN."""
    x = np.full((3, ROW), value, dtype)
    dy = np.random.default_rng(0).standard_normal(x.shape).astype(dtype)
    with np.errstate(all="raise"):
        y, backward = norm(x, eps)
        dx = backward(dy)
    assert not y.any()
    if eps == 0:
        assert not dx.any()
    else:
        right = definition(x, dy, eps)[1]
        np.testing.assert_allclose(dx, right, rtol=1e-5, atol=1e-6 / eps**0.5)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("length", [ROW, 1000, 12])
@pytest.mark.parametrize(
    ("mean", "deviation"),
    [
        (1e3, 0.01),
        (-1e3, 0.01),
        (1e5, 0.1),
        (0, 1),
        (0, 1e-20),
        (0, 1e-30),
        (0, 1e20),
        (1e37, 1e37),
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_deviations_that_are_small_or_huge(norm, length, mean, deviation, dtype):
    rng = np.random.default_rng(1)
    x = (mean + deviation * rng.uniform(-1, 1, (2, length))).astype(dtype)
    dy = (1000 + rng.standard_normal(x.shape)).astype(dtype)
    for eps in (1e-5, 0.0):
        with np.errstate(all="raise"):
            y, backward = norm(x, eps)
            dx = backward(dy)
        right, gradient = definition(x, dy, eps)
        limit = 1e-5 if dtype == np.float32 else 1e-9
        np.testing.assert_allclose(y, right, rtol=limit, atol=limit)
        size = float(np.abs(gradient).max())
        np.testing.assert_allclose(dx / size, gradient / size, atol=10 * limit)


@pytest.mark.parametrize("value", [1e200, 1e300])
@pytest.mark.parametrize("norm", NORMS)
def test_float64_whose_squares_overflow_or_underflow(norm, value):
    numbers, dy = np.random.default_rng(0).uniform(-1, 1, (2, 2, 100))
    for x in (value * numbers, numbers / value):
        y, backward = norm(x, 0.0)
        right, gradient = definition(x, dy, 0)
        np.testing.assert_allclose(y, right, rtol=1e-9, atol=1e-9)
        size = np.abs(gradient).max()
        np.testing.assert_allclose(
            (backward(dy) / size).astype(float), (gradient / size).astype(float), atol=1e-9
        )


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_of_weight_and_bias_where_the_mean_is_large(dtype):
    rng = np.random.default_rng(2)
    x = (1e3 + 0.01 * rng.standard_normal((64, 3, 8, 8))).astype(dtype)
    dy = (1 + 0.1 * rng.standard_normal(x.shape)).astype(dtype)
    gamma, beta = np.full(3, 1.5, dtype), np.full(3, 0.2, dtype)
    channels = x.swapaxes(0, 1).reshape(3, -1).astype(np.float64)
    xhat = (channels - channels.mean(1, keepdims=True)) / np.sqrt(
        channels.var(1, keepdims=True) + 1e-5
    )
    right = (dy.swapaxes(0, 1).reshape(3, -1) * xhat).sum(axis=1)
    _, cache = F.batch_norm_forward(x, gamma, beta, None, None, True)
    dgamma, dbeta = F.batch_norm_backward(dy, cache)[1:]
    np.testing.assert_allclose(dgamma, right, atol=0.02)
    np.testing.assert_allclose(dbeta, dy.sum(axis=(0, 2, 3), dtype=np.float64), rtol=1e-5)
    kept = 1.5 * xhat + 0.2 > 0
    y, cache = F.batch_norm_forward(x, gamma, beta, None, None, True, post=RELU)
    np.testing.assert_allclose(
        y.swapaxes(0, 1).reshape(3, -1), np.where(kept, 1.5 * xhat + 0.2, 0), atol=1e-4
    )
    dbeta = F.batch_norm_backward(dy, cache)[2]
    right = (dy.swapaxes(0, 1).reshape(3, -1) * kept).sum(axis=1, dtype=np.float64)
    np.testing.assert_allclose(dbeta, right, rtol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_norm_with_running_variance_0_and_eps_0(dtype):
    x, ones, zeros = np.ones((4, 2), dtype), np.ones(2, dtype), np.zeros(2, dtype)
    with np.errstate(all="raise"):
        y, cache = F.batch_norm_forward(x, ones, ones, ones, zeros, False, eps=0.0)
        dx, dgamma, dbeta = F.batch_norm_backward(x, cache)
    assert (y == 1).all()
    assert not dx.any()
    assert not dgamma.any()
    assert (dbeta == 4).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_running_statistics_of_tiny_and_huge_numbers_raise_no_warning(dtype):
    for value in (1e-38, 1e37):
        x = (value * np.random.default_rng(0).uniform(-1, 1, (100, 2))).astype(dtype)
        layers = BatchNorm1d(2, dtype=dtype), LayerNorm(2, dtype=dtype)
        with np.errstate(all="raise"):
            for layer in layers:
                for _ in range(3):
                    y, cache = layer.forward(x, True)
                    layer.backward(y, cache)
        assert np.isfinite(layers[0].buffers["running_mean"]).all()


@pytest.mark.parametrize("layer", [BatchNorm2d(4), GroupNorm(2, 4)])
def test_what_is_not_finite_gives_nan_and_no_warning(layer):
    x = np.ones((2, 4, 3, 3), np.float32)
    x[0, 0, 0, 0], x[1, 3, 0, 0] = np.nan, np.inf
    with np.errstate(all="raise"):
        y, cache = layer.forward(x, True)
        dx, _ = layer.backward(np.ones_like(x), cache)
    assert np.isnan(y[0, 0]).all()
    assert np.isnan(dx[0, 0]).all()


def test_scores_of_any_size_give_losses_without_warnings():
    scores = np.array([[3e38, -3e38, 0], [1e-40, 1e-38, 0], [-3e38, -3e38, -3e38]], np.float32)
    labels = np.array([0, 1, 2])
    with np.errstate(all="raise"):
        loss, cache = F.cross_entropy_forward(scores, labels)
        gradient = F.cross_entropy_backward(cache)
        focal, focal_cache = F.focal_loss_forward(scores, labels)
        focal_gradient = F.focal_loss_backward(focal_cache)
    np.testing.assert_allclose(loss, 2 * np.log(3) / 3, rtol=1e-6)
    np.testing.assert_allclose(focal, 2 * np.log(3) * (2 / 3) ** 2 / 3, rtol=1e-6)
    assert np.isfinite(gradient).all()
    assert np.isfinite(focal_gradient).all()
