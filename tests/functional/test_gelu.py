"""GELU and the normal distribution under it."""

import math
from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F


@pytest.mark.parametrize(("dtype", "below"), [(np.float32, 4e-7), (np.float64, 3e-15)])
def test_exact_form_has_the_digits_of_its_dtype(dtype: type, below: float) -> None:
    x = np.linspace(-12, 10, 40_001).astype(dtype)
    exact = np.array([0.5 * v * math.erfc(-v / math.sqrt(2)) for v in x.astype(np.float64)])
    y, cache = F.gelu_forward(x)
    assert np.abs(y - exact).max() < below * 10
    slope = np.array(
        [
            0.5 * math.erfc(-v / math.sqrt(2)) + v * math.exp(-v * v / 2) / math.sqrt(2 * math.pi)
            for v in x.astype(np.float64)
        ]
    )
    np.testing.assert_allclose(F.gelu_backward(np.ones_like(x), cache), slope, atol=below * 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_arguments_give_the_limits(dtype: type) -> None:
    """An erf that is not exactly -1 far out would be multiplied by x."""
    x = np.array([-1e30, -100, -20, 0, 20, 100, 1e30], dtype)
    y, cache = F.gelu_forward(x)
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    slope = F.gelu_backward(np.ones_like(x), cache)
    np.testing.assert_allclose(slope, [0, 0, 0, 0.5, 1, 1, 1], rtol=0, atol=1e-80)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tanh_form_as_torch(
    dtype: type, as_torch: Any, torch: Any, rng: np.random.Generator
) -> None:
    as_torch(
        lambda x: F.gelu_forward(x, "tanh"),
        F.gelu_backward,
        lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
        (4 * rng.standard_normal((20, 30))).astype(dtype),
    )


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gradients_are_derivatives(
    approximate: str, as_differences: Any, rng: np.random.Generator
) -> None:
    x = np.concatenate([2 * rng.standard_normal(20), [0.0, 1e-25, -1e-25, -6.0, 6.0]])
    as_differences(lambda x: F.gelu_forward(x, approximate), F.gelu_backward, x)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradient_of_the_smallest_and_the_largest_numbers(approximate: str, dtype: type) -> None:
    """For the smallest ones y underflows, so that y/x says nothing."""
    tiny, large = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
    x = np.array([tiny, -tiny, 0, large, -large], dtype)
    with np.errstate(all="raise"):
        y, cache = F.gelu_forward(x, approximate)
        dx = F.gelu_backward(np.ones_like(x), cache)
    np.testing.assert_array_equal(dx, [0.5, 0.5, 0.5, 1, 0])
    np.testing.assert_array_equal(y[2:], [0, large, 0])


def test_another_approximation_is_refused() -> None:
    with pytest.raises(ValueError, match="GELU: approximate is 'erf', expected 'none' or 'tanh'"):
        F.gelu_forward(np.ones(3), "erf")
