"""Infinity, overflow and underflow give their results; no layer warns or stops because of them."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GroupNorm,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    SiLU,
)

SHAPE = (2, 4, 6, 6)


def circular(algorithm: str) -> Conv2d:
    return Conv2d(4, 4, 3, padding=1, padding_mode="circular", groups=2, algorithm=algorithm, rng=0)


def tied() -> Layer:
    model = Sequential(Flatten(), Linear(144, 144, rng=0), ReLU(), Linear(144, 144, rng=1))
    model.params["3.weight"] = model.params["1.weight"]
    return model


LAYERS: dict[str, Any] = {
    "naive": lambda: circular("naive"),
    "im2col": lambda: circular("im2col"),
    "tiled": lambda: circular("tiled"),
    "winograd": lambda: circular("winograd"),
    "tied": tied,
    "dropout": lambda: Dropout(0.5),
    "batch_norm": lambda: BatchNorm2d(4),
    "group_norm": lambda: GroupNorm(2, 4),
    "pooling": lambda: Sequential(MaxPool2d(3, 1, 1), AvgPool2d(3, 1, 1), AdaptiveAvgPool2d()),
    "residual": lambda: Residual(
        Sequential(Conv2d(4, 4, 3, padding=1, rng=0), SiLU()), Conv2d(4, 4, 1, rng=1)
    ),
}
VALUES = {
    "infinite": [np.inf, -np.inf, np.nan, 1],
    "huge": [3e38, -3e38, 1],
    "tiny": [4e-45, -1e-38, 1e-30],
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("name", LAYERS)
def test_numpy_errors_stopped_im2col_naive_dropout_circular_padding_and_tied_sums(
    name: str, kind: str
) -> None:
    values = np.array(VALUES[kind], np.float32)
    rng = np.random.default_rng(0)
    layer: Layer = LAYERS[name]()
    with np.errstate(all="raise"):
        for special in ("x", "params"):
            x = rng.standard_normal(SHAPE).astype(np.float32)
            for array in [x] if special == "x" else layer.params.values():
                array[...] = rng.choice(values, array.shape)
            y, cache = layer.forward(x, True, 0)
            layer.backward(rng.choice(values, y.shape), cache)
