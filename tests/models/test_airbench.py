"""The network of the fast recipes: its layers, first weights, and images of other sizes."""

from __future__ import annotations

import numpy as np
import pytest

from cnnlite import models
from cnnlite.gradcheck import check_layer


def test_it_has_the_layers_of_the_paper() -> None:
    model = models.airbench(rng=0)
    assert model.num_params == 1_972_792
    kinds = [type(layer).__name__ for layer in model]
    pair = ["Conv2d", "MaxPool2d", "BatchNorm2d", "GELU", "Conv2d", "BatchNorm2d", "GELU"]
    ends = ["AdaptiveMaxPool2d", "Flatten", "Linear"]
    assert kinds == ["Conv2d", "GELU", *pair, *pair, *pair, *ends]


def test_the_narrow_one_has_a_quarter_of_the_products() -> None:
    wide, narrow = models.airbench(rng=0), models.airbench_narrow(rng=0)
    assert [type(layer) for layer in narrow] == [type(layer) for layer in wide]
    assert [narrow.params[f"{i}.weight"].shape[0] for i in (2, 6, 9, 13, 16, 20)] == [
        *(32, 32, 128, 128, 128, 128)
    ]
    costs = [model.summary((3, 32, 32)).multiply_adds for model in (wide, narrow)]
    assert 3.5 < costs[0] / costs[1] < 4.5


def test_its_convolutions_pass_their_input_on_and_its_scores_begin_near_0() -> None:
    model = models.airbench(rng=0)
    weight = model.params["9.weight"]  # 64 to 256
    identity = np.zeros((64, 64, 3, 3), np.float32)
    identity[np.arange(64), np.arange(64), 1, 1] = 1
    np.testing.assert_array_equal(weight[:64], identity)
    assert 0.02 < weight[64:].std() < 0.03  # 1 / sqrt(3 * 576)
    assert model.params["25.weight"].std() * 256 == pytest.approx(1, abs=0.02)


def test_any_size_and_channels_and_gradients() -> None:
    options = {"num_classes": 3, "widths": (4, 5), "dtype": np.float64, "rng": 0}
    model = models.airbench(input_shape=(1, 9, 12), **options)
    assert model(np.zeros((2, 1, 13, 9))).shape == (2, 3)
    assert check_layer(model, (3, 1, 9, 12)).passed
    with pytest.raises(ValueError, match="airbench: images of 4x8 pixels are too small"):
        models.airbench(input_shape=(1, 4, 8), **options)
    with pytest.raises(ValueError, match=r"airbench: widths\[1\] is 0"):
        models.airbench(widths=(4, 0))
