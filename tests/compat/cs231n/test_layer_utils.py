"""Sandwiches: the bits of the layers one by one, and their derivatives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnlite.compat.cs231n import layer_utils as utils
from cnnlite.compat.cs231n.fast_layers import (
    conv_backward_fast,
    conv_forward_fast,
    max_pool_backward_fast,
    max_pool_forward_fast,
)
from cnnlite.compat.cs231n.layers import (
    affine_backward,
    affine_forward,
    relu_backward,
    relu_forward,
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
)

Rng = np.random.Generator
SAME = {"stride": 1, "pad": 1}
HALVES = {"pool_height": 2, "pool_width": 2, "stride": 2}
THIRDS = {"pool_height": 3, "pool_width": 3, "stride": 2}


def conv_arrays(rng: Rng, dtype: type = np.float64) -> list[np.ndarray]:
    sizes = ((2, 3, 8, 8), (4, 3, 3, 3), 4)
    return [rng.standard_normal(size).astype(dtype) for size in sizes]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_affine_relu_is_affine_then_relu(dtype: type, rng: Rng) -> None:
    x, w, b = (rng.standard_normal(size).astype(dtype) for size in ((5, 3, 4), (12, 10), 10))
    out, cache = utils.affine_relu_forward(x, w, b)
    a, affine_cache = affine_forward(x, w, b)
    expected, relu_cache = relu_forward(a)
    np.testing.assert_array_equal(out, expected)
    dout = rng.standard_normal(out.shape).astype(dtype)
    expected_gradients = affine_backward(relu_backward(dout, relu_cache), affine_cache)
    for found, one in zip(utils.affine_relu_backward(dout, cache), expected_gradients, strict=True):
        np.testing.assert_array_equal(found, one)
    assert utils.affine_relu_backward(dout, cache, need_dx=False)[0] is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pool", [None, HALVES, THIRDS], ids=["no pool", "halves", "thirds"])
def test_conv_relu_pool_is_one_after_the_other(
    pool: dict[str, int] | None, dtype: type, rng: Rng
) -> None:
    x, w, b = conv_arrays(rng, dtype)
    a, conv_cache = conv_forward_fast(x, w, b, SAME)
    expected, relu_cache = relu_forward(a)
    if pool is None:
        out, cache = utils.conv_relu_forward(x, w, b, SAME)
        backward: Any = utils.conv_relu_backward
    else:
        out, cache = utils.conv_relu_pool_forward(x, w, b, SAME, pool)
        backward = utils.conv_relu_pool_backward
        expected, pool_cache = max_pool_forward_fast(expected, pool)
    np.testing.assert_array_equal(out, expected)
    dout = rng.standard_normal(out.shape).astype(dtype)
    dpooled = dout if pool is None else max_pool_backward_fast(dout, pool_cache)
    expected_gradients = conv_backward_fast(relu_backward(dpooled, relu_cache), conv_cache)
    for found, one in zip(backward(dout, cache), expected_gradients, strict=True):
        np.testing.assert_array_equal(found, one)
    assert backward(dout, cache, need_dx=False)[0] is None


def test_conv_bn_relu_is_one_after_the_other(rng: Rng) -> None:
    x, w, b = conv_arrays(rng)
    gamma, beta = rng.standard_normal(4), rng.standard_normal(4)
    ours: dict[str, Any] = {"mode": "train"}
    theirs: dict[str, Any] = {"mode": "train"}
    out, cache = utils.conv_bn_relu_forward(x, w, b, gamma, beta, SAME, ours)
    a, conv_cache = conv_forward_fast(x, w, b, SAME)
    a, bn_cache = spatial_batchnorm_forward(a, gamma, beta, theirs)
    expected, relu_cache = relu_forward(a)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(ours["running_var"], theirs["running_var"])
    dout = rng.standard_normal(out.shape)
    da, dgamma, dbeta = spatial_batchnorm_backward(relu_backward(dout, relu_cache), bn_cache)
    expected_gradients = (*conv_backward_fast(da, conv_cache), dgamma, dbeta)
    for found, one in zip(
        utils.conv_bn_relu_backward(dout, cache), expected_gradients, strict=True
    ):
        np.testing.assert_allclose(found, one, rtol=1e-12, atol=1e-12)


def test_gradients_are_derivatives(assert_derivatives: Callable[..., None], rng: Rng) -> None:
    assert_derivatives(
        lambda x, w, b: utils.conv_relu_pool_forward(x, w, b, SAME, HALVES),
        utils.conv_relu_pool_backward,
        *conv_arrays(rng),
    )
