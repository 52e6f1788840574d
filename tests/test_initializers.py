"""Initialisers: bounds and spreads as the papers say and as PyTorch has them."""

import math
from typing import Any

import numpy as np
import pytest

from cnnlite import initializers

SHAPES = [(64, 300), (48, 16, 3, 5)]
# The standard deviation of n numbers is off by 1/sqrt(2n) of itself: here by 1% at most.
WITHIN = 0.03


def spread(array: np.ndarray) -> float:
    return float(array.std())


def test_constant_and_uniform_and_normal(rng: np.random.Generator) -> None:
    array = np.empty((100, 100), np.float32)
    assert initializers.constant(array, 0.5) is array
    assert (array == 0.5).all()
    initializers.uniform(array, -1, 3, rng)
    assert array.min() >= -1
    assert array.max() < 3
    assert abs(array.mean() - 1) < 0.05
    initializers.normal(array, mean=2, std=1e-3, rng=rng)
    assert abs(array.mean() - 2) < 1e-4
    assert math.isclose(spread(array), 1e-3, rel_tol=WITHIN)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("xavier_uniform", {"gain": 2.0}),
        ("xavier_normal", {}),
        ("kaiming_uniform", {"a": math.sqrt(5)}),
        ("kaiming_uniform", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("kaiming_normal", {"nonlinearity": "tanh"}),
        ("kaiming_normal", {"mode": "fan_out", "a": 0.2}),
    ],
)
def test_spread_and_bound_are_torchs(
    torch: Any, name: str, settings: dict[str, Any], shape: tuple[int, ...]
) -> None:
    ours = getattr(initializers, name)(np.empty(shape, np.float64), **settings, rng=0)
    torch.manual_seed(0)
    theirs = getattr(torch.nn.init, f"{name}_")(torch.empty(shape, dtype=torch.float64), **settings)
    theirs = theirs.numpy()
    assert math.isclose(spread(ours), spread(theirs), rel_tol=WITHIN)
    assert abs(ours.mean()) < WITHIN * spread(ours)
    if "uniform" in name:
        assert math.isclose(np.abs(ours).max(), np.abs(theirs).max(), rel_tol=0.01)


@pytest.mark.parametrize("shape", [(4, 3, 3, 3), (6, 2, 5, 2), (2, 4, 1, 1), (4, 3, 5)])
def test_dirac_is_torchs(torch: Any, shape: tuple[int, ...]) -> None:
    for groups in (1, 2):
        ours = initializers.dirac(np.full(shape, 7.0), groups)
        theirs = torch.nn.init.dirac_(torch.empty(shape, dtype=torch.float64), groups)
        np.testing.assert_array_equal(ours, theirs.numpy())


@pytest.mark.parametrize(
    "name", ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
)
def test_gain_is_torchs(torch: Any, name: str) -> None:
    ours = initializers.calculate_gain(name, 0.3)
    assert math.isclose(ours, torch.nn.init.calculate_gain(name, 0.3), rel_tol=1e-12)


def test_float32_and_float64_start_from_the_same_numbers() -> None:
    single = initializers.kaiming_normal(np.empty((8, 8), np.float32), rng=3)
    double = initializers.kaiming_normal(np.empty((8, 8), np.float64), rng=3)
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_a_shared_generator_moves_on(rng: np.random.Generator) -> None:
    first = initializers.normal(np.empty(5), rng=rng)
    assert (first != initializers.normal(np.empty(5), rng=rng)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: initializers.xavier_normal(np.empty(3)), r"array has shape \(3,\), expected two"),
        (lambda: initializers.kaiming_normal(np.empty((0, 3, 0))), "expected two or more axes"),
        (
            lambda: initializers.kaiming_uniform(np.empty((3, 3)), mode="fan_avg"),
            "kaiming_uniform: mode is 'fan_avg', expected 'fan_in' or 'fan_out'",
        ),
        (
            lambda: initializers.kaiming_normal(np.empty((3, 3)), nonlinearity="swish"),
            "nonlinearity is 'swish', expected 'linear' or",
        ),
        (lambda: initializers.dirac(np.empty((3, 3))), r"dirac: array has shape \(3, 3\)"),
        (lambda: initializers.dirac(np.empty((3, 3, 1, 1)), 2), "groups is 2, expected a divisor"),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
