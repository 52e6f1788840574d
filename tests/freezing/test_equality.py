"""A frozen network gives what its model gives, for every layer and every network of the zoo."""

from functools import partial

import numpy as np
import pytest

from cnnlite import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Residual, Sequential, freeze, models
from cnnlite.catalogue import CATALOGUE, Entry, Example
from cnnlite.layers import AvgPool2d, BatchNorm1d, BatchNorm2d, Dropout, Layer

EXAMPLES = [(entry, example) for entry in CATALOGUE.values() for example in entry.examples]
ZOO = {
    "softmax": models.softmax_classifier,
    "two layers": models.two_layer_net,
    "three layers": models.three_layer_convnet,
    "vanilla": models.vanilla_cnn,
    "VGG": models.small_vgg,
    "VGG without norms": partial(models.small_vgg, batch_norm=False),
    "ResNet": models.resnet20,
    "ResNet, projections": partial(models.resnet20, shortcut="projection"),
}


def trained(model: Layer, seed: int = 0) -> Layer:
    """The model with statistics, scales and shifts as a training would leave them."""
    rng = np.random.default_rng(seed)
    for key, array in {**model.params, **model.buffers}.items():
        if array.ndim == 1 and "num" not in key:
            low, high = (0.5, 1.5) if key.endswith(("var", "weight")) else (-0.5, 0.5)
            array[...] = rng.uniform(low, high, array.shape)
    return model


def check(model: Layer, x: np.ndarray, digits: float = 2e-5) -> np.ndarray:
    """The frozen model's output, after it has been found to be the model's within rounding."""
    expected, found = model(x), freeze(model)(x)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1e-30)
    if expected.dtype == np.float64:
        digits = 1e-13
    np.testing.assert_allclose(found, expected, rtol=0, atol=digits * scale)
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ZOO)
def test_the_zoo(name: str, dtype: type, rng: np.random.Generator) -> None:
    model = trained(ZOO[name](dtype=dtype, rng=0))
    check(model, rng.standard_normal((3, 3, 32, 32)).astype(dtype))


@pytest.mark.parametrize(("entry", "example"), EXAMPLES, ids=lambda case: str(case)[:60])
def test_every_layer_of_the_catalogue(
    entry: Entry, example: Example, rng: np.random.Generator
) -> None:
    for dtype in (np.float32, np.float64):
        layer = trained(entry.make(example).astype(dtype))
        x = rng.standard_normal(example.shape).astype(dtype)
        check(layer, x)
        check(Sequential(layer, ReLU()), x)
        if x.ndim == 4:
            before = Conv2d(x.shape[1], x.shape[1], 3, padding=1, dtype=dtype, rng=1)
            check(Sequential(before, layer, Flatten()), x)


SMALL = {
    "3x3 @7": (Conv2d(3, 20, 3, padding=1, bias=False, rng=0), BatchNorm2d(20)),
    "5x5, stride 2": (Conv2d(3, 5, 5, 2, padding=2, rng=0), BatchNorm2d(5)),
    "groups": (Conv2d(4, 8, 3, groups=2, padding="same", rng=0), BatchNorm2d(8)),
    "depthwise": (Conv2d(4, 8, 3, groups=4, padding=1, rng=0), BatchNorm2d(8)),
    "1x1": (Conv2d(3, 40, 1, bias=False, rng=0), BatchNorm2d(40)),
    "dilated": (Conv2d(3, 4, 3, dilation=2, padding=2, rng=0), BatchNorm2d(4)),
    "reflected": (Conv2d(3, 4, 3, padding=1, padding_mode="reflect", rng=0), BatchNorm2d(4)),
    "naive": (Conv2d(3, 4, 3, algorithm="naive", rng=0), BatchNorm2d(4)),
    "pooled before": (Conv2d(3, 16, 3, padding=1, rng=0), MaxPool2d(2), BatchNorm2d(16)),
    "pooled 3": (Conv2d(3, 16, 3, padding=1, rng=0), MaxPool2d(3), BatchNorm2d(16)),
    "mean": (Conv2d(3, 16, 3, padding=1, rng=0), BatchNorm2d(16), AvgPool2d(3, 2, 1)),
    "norm alone": (BatchNorm2d(3), ReLU()),
    "norm without affine": (Conv2d(3, 4, 3, rng=0), BatchNorm2d(4, affine=False)),
    "norm of the batch": (Conv2d(3, 4, 3, rng=0), BatchNorm2d(4, track_running_stats=False)),
    "two norms": (Conv2d(3, 4, 3, rng=0), BatchNorm2d(4), BatchNorm2d(4), ReLU()),
}


@pytest.mark.parametrize("name", SMALL)
def test_folding(name: str, rng: np.random.Generator) -> None:
    channels = getattr(SMALL[name][0], "in_channels", 3)
    model = trained(Sequential(*SMALL[name], Dropout(0.5)))
    for shape in ((1, channels, 7, 9), (5, channels, 16, 16)):
        check(model, rng.standard_normal(shape).astype(np.float32))


BLOCKS = {
    "narrow in the middle": Residual(
        Sequential(
            Conv2d(4, 2, 1, rng=0), BatchNorm2d(2), ReLU(), Conv2d(2, 4, 3, padding=1, rng=1)
        )
    ),
    "wider, smaller": Residual(
        Sequential(Conv2d(4, 8, 3, stride=2, padding=1, rng=0), BatchNorm2d(8)),
        Conv2d(4, 8, 1, stride=2, rng=1),
    ),
    "two of them": Sequential(
        Residual(Sequential(Conv2d(4, 6, 1, rng=0)), Conv2d(4, 6, 1, rng=1)),
        ReLU(),
        Residual(Sequential(Conv2d(6, 2, 1, rng=2), Conv2d(2, 6, 1, rng=3)), Sequential()),
    ),
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_blocks_whose_last_convolution_changes_the_shape(
    block: Layer, rng: np.random.Generator
) -> None:
    for images in (1, 5):
        check(trained(block), rng.standard_normal((images, 4, 9, 6)).astype(np.float32))


def test_branches_of_other_shapes_are_refused_as_by_the_model() -> None:
    """Though the two may have as many numbers."""
    block = Residual(Sequential(Conv2d(2, 4, (2, 1), stride=(2, 1), rng=0)))
    message = r"Residual: body gives \(3, 4, 2, 4\), shortcut gives \(3, 2, 4, 4\)"
    for network in (block, freeze(block)):
        with pytest.raises(ValueError, match=message):
            network(np.ones((3, 2, 4, 4), np.float32))


def test_linear_layers_of_more_axes(rng: np.random.Generator) -> None:
    plain = Sequential(Linear(6, 5, rng=0), ReLU(), Linear(5, 4, rng=1))
    normed = Sequential(Linear(6, 5, rng=0), BatchNorm1d(5), BatchNorm1d(5))
    check(plain, rng.standard_normal((2, 3, 6)).astype(np.float32))
    check(trained(normed), rng.standard_normal((4, 5, 6)).astype(np.float32))
    check(trained(normed), rng.standard_normal((4, 6)).astype(np.float32))
    with pytest.raises(ValueError, match="Linear"):
        freeze(plain)(np.ones(6, np.float32))
