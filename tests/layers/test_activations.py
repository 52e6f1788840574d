"""Activations: what they refuse."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import GELU, LeakyReLU
from tests.entries import ACTIVATIONS

ALL = [entry.layer() for entry in ACTIVATIONS]


@pytest.mark.parametrize("layer", ALL, ids=repr)
def test_wrong_inputs_and_gradients(layer: Any) -> None:
    name = type(layer).__name__
    with pytest.raises(TypeError, match=f"{name}: x must be float32 or float64, got int64"):
        layer(np.zeros(3, np.int64))
    with pytest.raises(TypeError, match=f"{name}: x must be a NumPy array, got list"):
        layer([1.0])
    y, cache = layer.forward(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=rf"{name}: dy has shape \(3, 2\), .*\(2, 3\)"):
        layer.backward(y.T, cache)


@pytest.mark.parametrize("layer", ALL, ids=repr)
def test_no_gradient_where_none_is_asked_for(layer: Any) -> None:
    y, cache = layer.forward(np.zeros((2, 3)))
    assert layer.backward(y, cache, need_dx=False) == (None, {})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LeakyReLU("0.1"), TypeError, "negative_slope is '0.1', expected a number"),
        (lambda: LeakyReLU(float("nan")), ValueError, "negative_slope is nan, expected a number"),
        (lambda: GELU("erf"), ValueError, "approximate is 'erf', expected 'none' or 'tanh'"),
    ],
)
def test_wrong_arguments(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
