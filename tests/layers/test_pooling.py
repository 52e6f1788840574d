"""Pooling layers: what they refuse."""

from typing import Any

import numpy as np
import pytest

from cnnlite import layers
from cnnlite.layers import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d


@pytest.mark.parametrize("name", ["MaxPool2d", "AvgPool2d"])
@pytest.mark.parametrize(
    ("args", "settings", "message"),
    [
        ((0,), {}, "kernel_size .* got 0"),
        (("2",), {}, "kernel_size .* got '2'"),
        ((2,), {"stride": 0}, "stride .* got 0"),
        ((2,), {"padding": -1}, "padding .* got -1"),
        ((2,), {"padding": "half"}, "padding .* got 'half'"),
    ],
)
def test_wrong_arguments(name: str, args: Any, settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: {message}"):
        getattr(layers, name)(*args, **settings)


def test_wrong_dilation_and_output_size() -> None:
    with pytest.raises(ValueError, match=r"MaxPool2d: dilation .* got 0"):
        MaxPool2d(2, dilation=0)
    with pytest.raises(ValueError, match=r"AdaptiveAvgPool2d: output_size .* got -1"):
        AdaptiveAvgPool2d(-1)


@pytest.mark.parametrize("layer", [MaxPool2d(3), AvgPool2d(3), AdaptiveAvgPool2d()], ids=repr)
def test_wrong_inputs_and_gradients(layer: Any) -> None:
    name = type(layer).__name__
    with pytest.raises(ValueError, match=rf"{name}: x must have shape \(N, C, H, W\)"):
        layer(np.zeros((3, 8, 8)))
    with pytest.raises(TypeError, match=f"{name}: x must be float32 or float64, got uint8"):
        layer(np.zeros((1, 3, 8, 8), np.uint8))
    y, cache = layer.forward(np.zeros((1, 3, 8, 8)))
    with pytest.raises(ValueError, match=f"{name}: dy has shape"):
        layer.backward(np.zeros((1, 3, 8, 8)), cache)
    with pytest.raises(TypeError, match=f"{name}: dy is float32"):
        layer.backward(y.astype(np.float32), cache)


@pytest.mark.parametrize("layer", [MaxPool2d(3), AvgPool2d(3)], ids=repr)
def test_an_image_smaller_than_the_window(layer: Any) -> None:
    with pytest.raises(ValueError, match="more than the padded image"):
        layer(np.zeros((1, 1, 2, 5)))


def test_overlapping_windows_add_up() -> None:
    """The course's fast layers raise NameError here."""
    layer = MaxPool2d(3, stride=1)
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 2, 2] = 1
    y, cache = layer.forward(x)
    dx, _ = layer.backward(np.ones_like(y), cache)
    assert dx is not None
    assert dx[0, 0, 2, 2] == 9
