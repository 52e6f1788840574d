"""The course's normalisations, beside PyTorch where it has the same, and beside the definition."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnlite.compat.cs231n.layers import (
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
    layernorm_backward,
    layernorm_forward,
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
    spatial_groupnorm_backward,
    spatial_groupnorm_forward,
    spatial_groupnorm_quick_backward,
    spatial_groupnorm_quick_forward,
)

Rng = np.random.Generator
CHANNELS = {"features": (200, 3), "images": (2, 3, 4, 5)}


@pytest.mark.parametrize("shape", CHANNELS.values(), ids=CHANNELS)
def test_means_become_beta_and_deviations_gamma(shape: tuple[int, ...], rng: Rng) -> None:
    """Integer scales and shifts, as the notebook on convolutions gives them."""
    x = 4 * rng.standard_normal(shape) + 10
    out, _ = batchnorm_forward(x, np.array([3, 4, 5]), np.array([6, 7, 8]), {"mode": "train"})
    axes = (0, *range(2, len(shape)))
    np.testing.assert_allclose(out.mean(axis=axes), [6, 7, 8], rtol=1e-6)
    np.testing.assert_allclose(out.std(axis=axes), [3, 4, 5], rtol=1e-5)


@pytest.mark.parametrize("shape", CHANNELS.values(), ids=CHANNELS)
def test_running_statistics_are_the_courses(shape: tuple[int, ...], rng: Rng) -> None:
    """Both begin at 0, momentum is what is kept, and the variance is the biased one."""
    settings: dict[str, Any] = {"mode": "train", "momentum": 0.7}
    mean, variance = np.zeros(3), np.zeros(3)
    axes = (0, *range(2, len(shape)))
    for _ in range(4):
        x = rng.standard_normal(shape) * 2 + 5
        batchnorm_forward(x, np.ones(3), np.zeros(3), settings)
        mean = 0.7 * mean + 0.3 * x.mean(axis=axes)
        variance = 0.7 * variance + 0.3 * x.var(axis=axes)
    np.testing.assert_allclose(settings["running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(settings["running_var"], variance, rtol=1e-12)
    settings["mode"] = "test"
    out, _ = batchnorm_forward(x, np.ones(3), np.zeros(3), settings)
    side = (1, 3, *[1] * (len(shape) - 2))
    expected = (x - mean.reshape(side)) / np.sqrt(variance.reshape(side) + 1e-5)
    np.testing.assert_allclose(out, expected, rtol=1e-10)


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1)])
def test_one_example_becomes_the_shift(shape: tuple[int, ...], rng: Rng) -> None:
    x, settings = rng.standard_normal(shape), {"mode": "train", "momentum": 0.5}
    gamma, beta = np.array([2.0, 3.0, 4.0]), np.array([5.0, 6.0, 7.0])
    out, cache = batchnorm_forward(x, gamma, beta, settings)
    np.testing.assert_array_equal(out.ravel(), beta)
    np.testing.assert_allclose(settings["running_mean"], x.ravel() / 2)
    np.testing.assert_array_equal(settings["running_var"], np.zeros(3))
    dout = rng.standard_normal(shape)
    dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    np.testing.assert_array_equal(dx, np.zeros(shape))
    np.testing.assert_array_equal(dgamma, np.zeros(3))
    np.testing.assert_array_equal(dbeta, dout.ravel())


def test_running_statistics_are_new_arrays_each_time(rng: Rng) -> None:
    settings: dict[str, Any] = {"mode": "train", "running_mean": np.ones(3)}
    first = settings["running_mean"]
    batchnorm_forward(rng.standard_normal((5, 3)), np.ones(3), np.zeros(3), settings)
    np.testing.assert_array_equal(first, np.ones(3))
    assert settings["running_mean"] is not first
    assert {"mode", "running_mean", "running_var"} == set(settings)


def test_test_mode_without_statistics_takes_0(rng: Rng) -> None:
    x, settings = rng.standard_normal((5, 3)), {"mode": "test", "eps": 0.25}
    out, _ = batchnorm_forward(x, np.ones(3), np.zeros(3), settings)
    np.testing.assert_allclose(out, 2 * x, rtol=1e-12)


@pytest.mark.parametrize("mode", ["train", "test"])
@pytest.mark.parametrize("shape", [(4, 5), (2, 5, 3, 4)])
def test_batchnorms_gradients_are_derivatives(
    shape: tuple[int, ...], mode: str, assert_derivatives: Callable[..., None], rng: Rng
) -> None:
    settings = {"mode": mode, "running_mean": np.full(5, 12.0), "running_var": np.full(5, 20.0)}
    arrays = 5 * rng.standard_normal(shape) + 12, rng.standard_normal(5), rng.standard_normal(5)

    def forward(*arrays: np.ndarray) -> Any:
        return spatial_batchnorm_forward(*arrays, dict(settings))

    assert_derivatives(forward, spatial_batchnorm_backward, *arrays)


def test_the_alternative_backward_returns_the_same(rng: Rng) -> None:
    x, dout = rng.standard_normal((100, 50)), rng.standard_normal((100, 50))
    _, cache = batchnorm_forward(x, np.ones(50), np.zeros(50), {"mode": "train"})
    pairs = zip(batchnorm_backward(dout, cache), batchnorm_backward_alt(dout, cache), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)


def test_batchnorm_as_torch(torch: Any, rng: Rng) -> None:
    x, dout = rng.standard_normal((6, 3, 4, 5)), rng.standard_normal((6, 3, 4, 5))
    gamma, beta = rng.standard_normal(3), rng.standard_normal(3)
    out, cache = spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, gamma, beta)]
    expected = torch.nn.functional.batch_norm(tensors[0], None, None, *tensors[1:], training=True)
    expected.backward(torch.tensor(dout))
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    for found, tensor in zip(spatial_batchnorm_backward(dout, cache), tensors, strict=True):
        np.testing.assert_allclose(found, tensor.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_float64_images_with_float32_parameters_are_computed_in_float64(rng: Rng) -> None:
    x, gamma, beta = rng.standard_normal((5, 3)), np.ones(3, np.float32), np.zeros(3, np.float32)
    out, cache = batchnorm_forward(x, gamma, beta, {"mode": "train"})
    assert {out.dtype, *(g.dtype for g in batchnorm_backward(out, cache))} == {np.dtype(float)}


def test_layernorm_as_torch(torch: Any, rng: Rng) -> None:
    x, gamma, beta, dout = (rng.standard_normal(size) for size in ((4, 5), 5, 5, (4, 5)))
    out, cache = layernorm_forward(x, gamma, beta, {"mode": "train", "eps": 1e-3})
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, gamma, beta)]
    expected = torch.nn.functional.layer_norm(tensors[0], (5,), *tensors[1:], eps=1e-3)
    expected.backward(torch.tensor(dout))
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-9)
    for found, tensor in zip(layernorm_backward(dout, cache), tensors, strict=True):
        np.testing.assert_allclose(found, tensor.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 6, 1, 1), (6,)], ids=str)
@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (spatial_groupnorm_forward, spatial_groupnorm_backward),
        (spatial_groupnorm_quick_forward, spatial_groupnorm_quick_backward),
    ],
)
def test_groupnorm_as_torch(
    forward: Any, backward: Any, shape: tuple[int, ...], torch: Any, rng: Rng
) -> None:
    x, dout = 5 * rng.standard_normal((2, 6, 4, 5)) + 12, rng.standard_normal((2, 6, 4, 5))
    gamma, beta = rng.standard_normal(shape), rng.standard_normal(shape)
    out, cache = forward(x, gamma, beta, 2, {})
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, gamma.ravel(), beta.ravel())]
    expected = torch.nn.functional.group_norm(tensors[0], 2, *tensors[1:])
    expected.backward(torch.tensor(dout))
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-9)
    dx, dgamma, dbeta = backward(dout, cache)
    assert dgamma.shape == dbeta.shape == shape
    for found, tensor in zip((dx, dgamma.ravel(), dbeta.ravel()), tensors, strict=True):
        np.testing.assert_allclose(found, tensor.grad.numpy(), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batchnorm_forward(np.ones((4, 3)), np.ones(3), np.ones(3), {}), "no 'mode'"),
        (
            lambda: batchnorm_forward(np.ones((4, 3)), np.ones(3), np.ones(3), {"mode": "eval"}),
            "mode is 'eval'",
        ),
        (
            lambda: batchnorm_forward(
                np.ones((4, 3)), np.ones(3), np.ones(3), {"mode": "train", "momentum": 2}
            ),
            "momentum.* is 2",
        ),
        (
            lambda: batchnorm_forward(np.ones(3), np.ones(3), np.ones(3), {"mode": "train"}),
            r"batchnorm_forward: x must have shape \(N, D\) or \(N, C, H, W\), got \(3,\)",
        ),
        (lambda: layernorm_forward(np.ones(3), np.ones(3), np.ones(3), {}), r"shape \(N, D\)"),
        (
            lambda: spatial_groupnorm_forward(
                np.ones((2, 6, 4, 5)), np.ones((6, 1)), np.ones(6), 2, {}
            ),
            r"gamma has shape \(6, 1\), expected \(1, 6, 1, 1\)",
        ),
        (
            lambda: spatial_groupnorm_forward(np.ones((2, 6)), np.ones(6), np.ones(6), 2, {}),
            r"x must have shape \(N, C, H, W\)",
        ),
    ],
)
def test_wrong_input_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("mode", ["train", "test"])
@pytest.mark.parametrize("running", [np.zeros(4), np.zeros(1), None])
def test_running_statistics_of_another_shape_are_named(mode: str, running: Any) -> None:
    settings = {"mode": mode, "running_mean": running}
    with pytest.raises(ValueError, match=r"^batchnorm_forward: bn_param\['running_mean'\] has sh"):
        batchnorm_forward(np.ones((2, 3)), np.ones(3), np.ones(3), settings)


def test_settings_that_are_no_dict_are_named() -> None:
    ones = np.ones(2)
    with pytest.raises(TypeError, match=r"^layernorm_forward: the settings are None, expected a"):
        layernorm_forward(np.ones((2, 2)), ones, ones, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^spatial_groupnorm_forward: the settings are 3, exp"):
        spatial_groupnorm_forward(np.ones((1, 2, 2, 2)), ones, ones, 1, 3)  # type: ignore[arg-type]
