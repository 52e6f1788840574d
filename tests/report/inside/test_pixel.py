"""How a number was computed is what the layer computed, for every layer and every number."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from cnnlite import layers
from cnnlite.catalogue import CATALOGUE, Example
from cnnlite.layers.trace import Ran, trace
from cnnlite.models import ZeroPadShortcut
from cnnlite.report.inside.back import way_back
from cnnlite.report.inside.known import rule_of
from cnnlite.report.inside.pixel import computed

UNKNOWN = {"Softmax", "LogSoftmax", "Sequential"}
"""Layers that are not followed: each output depends on all inputs, or it is made of layers."""

EXAMPLES = [
    pytest.param(entry, example, id=f"{entry.name} {example}".strip())
    for entry in CATALOGUE.values()
    for example in entry.examples
]
MORE = [
    (layers.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=((2, 0), (1, 2)), dilation=(1, 2),
                   groups=2, padding_mode=mode, rng=1), (4, 7, 6))
    for mode in ("zeros", "reflect", "replicate", "circular")
] + [
    (layers.Conv2d(3, 2, 3, stride=2, padding="same", bias=False, rng=1), (3, 7, 8)),
    (layers.Conv1d(2, 4, 3, stride=2, padding="same", padding_mode="circular", groups=2, rng=1),
     (2, 9)),
    (layers.ConvTranspose2d(4, 6, (3, 2), stride=(2, 3), padding=1, output_padding=(1, 2),
                            groups=2, dilation=(2, 1), rng=1), (4, 4, 3)),
    (layers.MaxPool2d(3, 2, padding=1, dilation=(1, 2), ceil_mode=True), (2, 8, 8)),
    (layers.MaxPool1d(3, 2, padding=1), (2, 8)),
    (layers.AvgPool2d((3, 2), 2, padding=1, ceil_mode=True), (2, 8, 7)),
    (layers.AvgPool2d((3, 2), 2, padding=1, ceil_mode=True, count_include_pad=False), (2, 8, 7)),
    (layers.AvgPool1d(3, 2, padding=1, count_include_pad=False), (2, 8)),
    (layers.AdaptiveAvgPool2d((3, 2)), (2, 8, 5)),
    (layers.AdaptiveMaxPool2d((3, 2)), (2, 8, 5)),
    (layers.Upsample(size=(5, 9)), (2, 3, 4)),
    (layers.Upsample(scale_factor=2.5, mode="bilinear"), (2, 3, 4)),
    (ZeroPadShortcut(2, 5, 2), (2, 5, 6)),
    (layers.GELU("tanh"), (2, 3, 4)),
    (layers.BatchNorm2d(3, affine=False), (3, 4, 5)),
    (layers.BatchNorm2d(3, track_running_stats=False), (3, 4, 5)),
    (layers.InstanceNorm2d(3, affine=True, track_running_stats=True), (3, 4, 5)),
    (layers.LayerNorm((3, 4, 5)), (3, 4, 5)),
    (layers.LayerNorm(7), (7,)),
    (layers.BatchNorm1d(3), (3, 5)),
    (layers.Linear(6, 4, rng=1), (6,)),
    (layers.Flatten(), (2, 3, 4)),
    (layers.Residual(layers.Conv2d(2, 2, 3, padding=1, rng=1), layers.ReLU()), (2, 4, 4)),
    (layers.Residual(layers.ReLU()), (2, 4, 4)),
]  # fmt: skip


def run(layer: Any, shape: tuple[int, ...], images: int = 2) -> list[Ran]:
    rng = np.random.default_rng(0)
    for arrays in (layer.params, layer.buffers):
        for key, array in arrays.items():
            if array.dtype.kind == "f":
                array[...] = rng.standard_normal(array.shape)
                array[...] = np.abs(array) + 1 if key.endswith("running_var") else array
    return trace(layer, rng.standard_normal((images, *shape)).astype(np.float32))


def places(array: np.ndarray, most: int = 60) -> list[tuple[int, ...]]:
    """Places in an image of an array (N, ...): all, or some of all rows and columns."""
    found = list(itertools.product(*map(range, array.shape[1:])))
    return found[:: -(-len(found) // most) | 1]


def check(runs: list[Ran]) -> None:
    """Compare numbers of the last run with how it is said to have been computed."""
    ran = runs[-1]
    image = len(ran.y) - 1
    largest = np.abs(ran.y).max() + 1
    for place in places(ran.y):
        found = computed(ran, image, place, runs)
        assert found is not None
        assert found.output == ran.y[(image, *place)]
        assert abs(found.value - found.output) < 1e-5 * largest, (place, found)
        if found.formula.startswith("sum"):
            assert np.isclose(found.products.sum() + found.bias, found.value)


@pytest.mark.parametrize(("entry", "example"), EXAMPLES)
def test_every_layer_of_the_catalogue_is_followed(entry: Any, example: Example) -> None:
    runs = run(entry.make(example), example.shape[1:])
    if entry.name in UNKNOWN:
        assert computed(runs[-1], 0, (0,) * (runs[-1].y.ndim - 1)) is None
    elif rule_of(runs[-1]) is not None:
        check(runs)
    else:
        assert runs[-1].x.ndim not in (2, 3, 4) or entry.name in ("LayerNorm", "Linear")


@pytest.mark.parametrize(("layer", "shape"), MORE, ids=lambda value: str(value)[:70])
def test_every_setting_is_followed_and_gradients_come_back(layer: Any, shape: Any) -> None:
    runs = run(layer, shape)
    check(runs)
    ran = runs[-1]
    image, dy = 1, np.random.default_rng(1).standard_normal(ran.y.shape).astype(np.float32)
    if way_back(ran, image, (0,) * (ran.x.ndim - 1)) is None:
        return
    dx, _ = layer.backward(dy, layer.forward(ran.x, train=False)[1])
    for place in places(ran.x):
        back = way_back(ran, image, place)
        assert back is not None
        total = 0.0
        for (row, column), weights in zip(back.outputs, back.weights, strict=True):
            at = {2: (back.channels,), 3: (back.channels, column)}.get(
                ran.y.ndim, (back.channels, row, column)
            )
            total += (dy[image][at] * weights).sum()
        assert abs(total - dx[(image, *place)]) < 1e-5 * (np.abs(dx).max() + 1), place
