"""Activations against PyTorch, and far from zero."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from tests.entries import ACTIVATIONS, theirs

NAMES = [entry.operation for entry in ACTIVATIONS]


def _pair(name: str) -> tuple[Any, Any]:
    return getattr(F, f"{name}_forward"), getattr(F, f"{name}_backward")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (7,), (0, 3), (2, 3, 5, 4)])
def test_as_torch(
    name: str, dtype: type, shape: Any, as_torch: Any, torch: Any, rng: np.random.Generator
) -> None:
    x = np.asarray(4 * rng.standard_normal(shape), dtype)
    as_torch(*_pair(name), theirs(torch, name), x)


@pytest.mark.parametrize("slope", [0.0, 0.2, -0.5, 1.5])
def test_leaky_relu_slopes_as_torch(
    slope: float, as_torch: Any, torch: Any, rng: np.random.Generator
) -> None:
    as_torch(
        lambda x: F.leaky_relu_forward(x, slope),
        F.leaky_relu_backward,
        lambda x: torch.nn.functional.leaky_relu(x, slope),
        rng.standard_normal((3, 5)),
    )


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_derivatives(
    name: str, as_differences: Any, rng: np.random.Generator
) -> None:
    as_differences(*_pair(name), 2 * rng.standard_normal((3, 5)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_arguments_neither_warn_nor_become_nan(name: str, dtype: type, torch: Any) -> None:
    largest = np.finfo(dtype).max
    x = np.array([-largest, -1e30, -1e10, -1e4, -100, 100, 1e4, 1e10, 1e30, largest], dtype)
    forward, backward = _pair(name)
    with np.errstate(all="raise"):
        y, cache = forward(x)
        dx = backward(np.ones_like(x), cache)
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()
    tensor = torch.tensor(x[1:-1], requires_grad=True)  # PyTorch's gelu makes the last infinite
    expected = theirs(torch, name)(tensor)
    expected.sum().backward()
    np.testing.assert_allclose(y[1:-1], expected.detach(), rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(dx[1:-1], tensor.grad, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_nan_and_infinity_as_torch(name: str, torch: Any) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0])
    forward, backward = _pair(name)
    with np.errstate(all="raise"):
        y, cache = forward(x)
        dx = backward(np.ones_like(x), cache)
    tensor = torch.tensor(x, requires_grad=True)
    expected = theirs(torch, name)(tensor)
    expected.sum().backward()
    np.testing.assert_array_equal(y, expected.detach())
    # At infinity PyTorch's formulas for these give NaN or 0, as they happen to be written.
    compared = slice(None) if name in ("relu", "leaky_relu", "sigmoid", "tanh") else slice(3, None)
    np.testing.assert_array_equal(dx[compared], tensor.grad[compared])
    assert np.isnan(dx[0]) or dx[0] == tensor.grad[0]


def test_relu_is_flat_at_zero() -> None:
    _, cache = F.relu_forward(np.array([-1.0, 0.0, -0.0, 1e-300]))
    np.testing.assert_array_equal(F.relu_backward(np.ones(4), cache), [0, 0, 0, 1])


def test_an_infinite_gradient_stops_where_relu_is_flat() -> None:
    """Infinity times 0 would be NaN."""
    _, cache = F.relu_forward(np.array([-1.0, 2.0, -1.0]))
    dx = F.relu_backward(np.array([np.inf, -np.inf, np.nan]), cache)
    np.testing.assert_array_equal(dx, [0, -np.inf, 0])


def test_relu_keeps_its_output_only() -> None:
    y, cache = F.relu_forward(np.ones((2, 3)))
    assert cache.y is y
