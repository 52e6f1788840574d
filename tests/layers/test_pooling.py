"""Pooling layers: what they refuse."""

from typing import Any

import numpy as np
import pytest

from cnnlite import layers
from cnnlite.layers import AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d


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


@pytest.mark.parametrize(
    "settings",
    [
        {"padding": (1, 0)},
        {"padding": ((0, 2),), "stride": 3, "ceil_mode": True},
        {"padding": "same", "stride": 1},
        {"padding": "valid", "stride": 6},
    ],
)
@pytest.mark.parametrize(("one", "two"), [(MaxPool1d, MaxPool2d), (AvgPool1d, AvgPool2d)])
@pytest.mark.parametrize("shape", [(2, 3, 9), (1, 1, 4), (0, 2, 5)])
def test_along_one_axis_it_is_the_pooling_of_images_of_one_row(
    shape: tuple[int, ...], one: Any, two: Any, settings: Any, rng: np.random.Generator
) -> None:
    """Also with the padding that PyTorch has not."""
    sides = settings["padding"]
    if not isinstance(sides, str):
        sides = ((0, 0), sides[0] if len(sides) == 1 else sides)
    row, stride = one(4, **settings), (1, settings.get("stride", 4))
    image = two((1, 4), **{**settings, "padding": sides, "stride": stride})
    x = rng.standard_normal(shape)
    x.flat[:1] = np.nan
    (y, cache), (wanted, its) = row.forward(x), image.forward(x[:, :, None])
    np.testing.assert_array_equal(y, wanted[:, :, 0])
    dy = rng.standard_normal(y.shape)
    dx = row.backward(dy, cache)[0]
    np.testing.assert_array_equal(dx, image.backward(dy[:, :, None], its)[0][:, :, 0])
