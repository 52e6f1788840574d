"""GELU and the normal distribution under it."""

import math
from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.functional._normal import normal_cdf


def _cdf(x: Any) -> Any:
    out = np.empty_like(x)
    with np.errstate(under="ignore"):
        normal_cdf(x, out)
    return out


def test_cdf_has_the_digits_of_float64() -> None:
    x = np.linspace(-37, 10, 40_001)  # in pieces: more than one of them
    exact = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])
    np.testing.assert_allclose(_cdf(x), exact, rtol=0, atol=2e-15)
    near = x > -5
    np.testing.assert_allclose(_cdf(x)[near], exact[near], rtol=1e-14)
    # The argument's own rounding, x*x roundings, is all that is lost in the tail.
    error = np.abs(_cdf(x) - exact) / exact
    assert (error < 1e-14 + 4e-16 * x * x).all()


def test_cdf_has_the_digits_of_float32() -> None:
    x = np.linspace(-12, 10, 10_001).astype(np.float32)
    exact = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x.astype(np.float64)])
    np.testing.assert_allclose(_cdf(x), exact, rtol=0, atol=3e-7)


def test_cdf_at_the_ends() -> None:
    x = np.array([-np.inf, -1e300, -40.0, 0.0, 40.0, np.inf, np.nan])
    np.testing.assert_allclose(_cdf(x), [0, 0, 0, 0.5, 1, 1, np.nan], rtol=4e-16)


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
    with pytest.raises(ValueError, match="GELU: approximate must be 'none' or 'tanh', got 'erf'"):
        F.gelu_forward(np.ones(3), "erf")
