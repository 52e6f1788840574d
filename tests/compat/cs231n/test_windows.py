"""Convolution and pooling under the course's names, against PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnlite.compat.cs231n import fast_layers, layers

Rng = np.random.Generator

CONVOLUTIONS = {
    "naive": (layers.conv_forward_naive, layers.conv_backward_naive),
    "fast": (fast_layers.conv_forward_fast, fast_layers.conv_backward_fast),
    "im2col": (fast_layers.conv_forward_im2col, fast_layers.conv_backward_im2col),
    "strides": (fast_layers.conv_forward_strides, fast_layers.conv_backward_strides),
}
POOLINGS = {
    "naive": (layers.max_pool_forward_naive, layers.max_pool_backward_naive),
    "fast": (fast_layers.max_pool_forward_fast, fast_layers.max_pool_backward_fast),
    "im2col": (fast_layers.max_pool_forward_im2col, fast_layers.max_pool_backward_im2col),
    "reshape": (fast_layers.max_pool_forward_reshape, fast_layers.max_pool_backward_reshape),
}
HALVES = {"pool_height": 2, "pool_width": 2, "stride": 2}


@pytest.mark.parametrize("pair", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize(("stride", "pad", "side"), [(1, 1, 3), (2, 1, 4), (2, 1, 3), (1, 0, 1)])
def test_convolutions_as_torch(
    pair: Any, stride: int, pad: int, side: int, torch: Any, rng: Rng
) -> None:
    forward, backward = pair
    x, b = rng.standard_normal((2, 3, 6, 7)), rng.standard_normal(4)
    w = rng.standard_normal((4, 3, side, side))
    out, cache = forward(x, w, b, {"stride": stride, "pad": pad})
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, w, b)]
    expected = torch.nn.functional.conv2d(*tensors, stride=stride, padding=pad)
    dout = rng.standard_normal(out.shape)
    expected.backward(torch.tensor(dout))
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-9, atol=1e-11)
    for found, tensor in zip(backward(dout, cache), tensors, strict=True):
        np.testing.assert_allclose(found, tensor.grad.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("pair", POOLINGS.values(), ids=POOLINGS)
@pytest.mark.parametrize(
    "settings", [HALVES, {"pool_height": 3, "pool_width": 2, "stride": 1}], ids=str
)
def test_poolings_as_torch(pair: Any, settings: dict[str, int], torch: Any, rng: Rng) -> None:
    """Windows that overlap too, with which the course's fast layer raised NameError."""
    forward, backward = pair
    x = rng.standard_normal((3, 2, 8, 8))
    out, cache = forward(x, settings)
    tensor = torch.tensor(x, requires_grad=True)
    size = (settings["pool_height"], settings["pool_width"])
    expected = torch.nn.functional.max_pool2d(tensor, size, settings["stride"])
    dout = rng.standard_normal(out.shape)
    expected.backward(torch.tensor(dout))
    np.testing.assert_array_equal(out, expected.detach().numpy())
    np.testing.assert_allclose(backward(dout, cache), tensor.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_integer_biases_and_weights_with_zeros_process_images() -> None:
    """The notebook's grey picture, and its edges around 128."""
    x = np.arange(2 * 3 * 4 * 4).reshape(2, 3, 4, 4).astype(float)
    w = np.zeros((2, 3, 3, 3))
    w[0, :, 1, 1] = 0.3, 0.6, 0.1
    out, cache = layers.conv_forward_naive(x, w, np.array([0, 128]), {"stride": 1, "pad": 1})
    np.testing.assert_allclose(out[:, 0], 0.3 * x[:, 0] + 0.6 * x[:, 1] + 0.1 * x[:, 2])
    np.testing.assert_array_equal(out[:, 1], np.full((2, 4, 4), 128.0))
    assert [g.dtype for g in layers.conv_backward_naive(out, cache)] == [np.float64] * 3


def test_float64_images_go_into_float32_filters(rng: Rng) -> None:
    x, w, b = rng.standard_normal((2, 3, 5, 5)), np.ones((4, 3, 3, 3), "f"), np.ones(4, "f")
    out, cache = fast_layers.conv_forward_fast(x, w, b, {"stride": 1, "pad": 1})
    assert out.dtype == np.float64
    dx, _, _ = fast_layers.conv_backward_fast(np.ones(out.shape, np.float32), cache)
    assert dx is not None
    assert dx.dtype == np.float64


def test_caches_are_the_courses_tuples(rng: Rng) -> None:
    x, w, b, settings = np.ones((1, 2, 4, 4)), np.ones((3, 2, 3, 3)), np.ones(3), {"stride": 1}
    settings["pad"] = 1
    out, cache = fast_layers.conv_forward_fast(x, w, b, settings)
    assert all(kept is given for kept, given in zip(cache, (x, w, b, settings), strict=True))
    foreign = (x, w, b, settings, "x_cols")
    dout = rng.standard_normal(out.shape)
    for one, other in zip(
        fast_layers.conv_backward_fast(dout, cache),
        fast_layers.conv_backward_fast(dout, foreign),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    _, cache = layers.max_pool_forward_naive(x, HALVES)
    assert cache[0] is x
    assert cache[1] is HALVES
    dout = rng.standard_normal((1, 2, 2, 2))
    found = layers.max_pool_backward_naive(dout, (x, HALVES))
    np.testing.assert_array_equal(found, layers.max_pool_backward_naive(dout, cache))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: _convolve({"stride": 1}), "conv_forward: the settings .* have no 'pad'"),
        (lambda: _convolve({"pad": 1}), "conv_forward: the settings .* have no 'stride'"),
        (lambda: _convolve({"stride": 0, "pad": 1}), "stride must be .* got 0"),
        (
            lambda: layers.max_pool_forward_naive(np.ones((1, 2, 4, 4)), {"stride": 2}),
            "max_pool_forward: the settings .* have no 'pool_height'",
        ),
    ],
)
def test_wrong_settings_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def _convolve(settings: dict[str, int]) -> object:
    x, w, b = np.ones((1, 2, 4, 4)), np.ones((3, 2, 3, 3)), np.ones(3)
    return layers.conv_forward_naive(x, w, b, settings)
