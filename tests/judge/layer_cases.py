"""A generator of cases for every layer: made with drawn arguments, and a batch that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import assume

from cnnlite import layers
from cnnlite.catalogue import LAYERS as CATALOGUED
from cnnlite.catalogue import Entry
from cnnlite.layers import Layer
from tests.entries import sizes
from tests.judge.cases import Array, Maker
from tests.judge.windows import Window, draw_window, padding_mode


class LayerCase(NamedTuple):
    """A layer, its input, and whether it is training."""

    layer: Layer
    x: Array
    train: bool = True


def _images(make: Maker, *shape: int) -> Array:
    """A batch of images of that shape (C, H, W)."""
    return make.normal(make.size(1, 3), *shape)


def _pooling(make: Maker, dilated: bool) -> tuple[Window, Array]:
    w = draw_window(make, pooling=True, dilated=dilated)
    assume(isinstance(w.padding, int) or (w.symmetric and w.padding not in ("same", "valid")))
    return w, _images(make, make.size(1, 4), *w.size)


def _conv(make: Maker) -> LayerCase:
    w, groups = draw_window(make), make.one_of(1, 1, 2, 3)
    channels, filters = groups * make.size(1, 12 // groups), groups * make.size(1, 12 // groups)
    mode = padding_mode(make, w)
    algorithm = make.one_of("auto", "auto", "naive", "im2col", "tiled")
    layer = layers.Conv2d(
        channels, filters, w.kernel, w.stride, w.padding, w.dilation, groups,
        make.one_of(True, False), mode, algorithm, make.dtype, make.size(0, 99),
    )  # fmt: skip
    return LayerCase(layer, _images(make, channels, *w.size))


def _max_pool(make: Maker) -> LayerCase:
    w, x = _pooling(make, dilated=True)
    assume(w.fits_pytorch)
    side = w.padding if isinstance(w.padding, int) else (w.sides[0], w.sides[2])
    layer = layers.MaxPool2d(w.kernel, w.stride, side, w.dilation, make.one_of(False, True))
    # A dilated window may step over a small image altogether: no maximum, and no gradient.
    assume(np.isfinite(layer(x)).all())
    return LayerCase(layer, x)


def _avg_pool(make: Maker) -> LayerCase:
    w, x = _pooling(make, dilated=False)
    side = w.padding if isinstance(w.padding, int) else (w.sides[0], w.sides[2])
    options = make.one_of(False, True), make.one_of(False, True)
    return LayerCase(layers.AvgPool2d(w.kernel, w.stride, side, *options), x)


def _linear(make: Maker) -> LayerCase:
    inputs = make.size(1, 50)
    layer = layers.Linear(
        inputs, make.size(1, 20), make.one_of(True, False), make.dtype, make.size(0, 99)
    )
    return LayerCase(layer, make.normal(make.size(1, 9), inputs))


def _batch_norm(kind: Any, *rests: tuple[int, ...]) -> Callable[[Maker], LayerCase]:
    def strategy(make: Maker) -> LayerCase:
        c = make.size(1, 5)
        layer = kind(
            c, make.one_of(1e-5, 0.1), make.one_of(0.1, 1.0, None), make.one_of(True, False),
            make.one_of(True, False), make.dtype,
        )  # fmt: skip
        x = make.normal(make.size(3, 6), c, *make.one_of(*rests))
        return LayerCase(layer, x, make.one_of(True, True, False))

    return strategy


def _layer_norm(make: Maker) -> LayerCase:
    sizes = tuple(make.size(2, 5) for _ in range(make.size(1, 3)))
    affine, bias = make.one_of(True, False), make.one_of(True, False)
    layer = layers.LayerNorm(sizes, make.one_of(1e-5, 0.1), affine, bias, make.dtype)
    return LayerCase(layer, make.normal(make.size(1, 4), *sizes))


def _group_norm(make: Maker) -> LayerCase:
    groups, each = make.size(1, 3), make.size(1, 3)
    layer = layers.GroupNorm(
        groups, groups * each, make.one_of(1e-5, 0.1), make.one_of(True, False), make.dtype
    )
    return LayerCase(layer, _images(make, groups * each, 3, make.size(1, 4)))


def _examples(entry: Entry) -> Callable[[Maker], LayerCase]:
    """Cases of a layer in the settings of its examples, for images of any size."""

    def strategy(make: Maker) -> LayerCase:
        example = make.one_of(*entry.examples)
        has_channels = "dtype" in entry.parameters
        channels = example.shape[1] if has_channels else make.size(1, 4)
        least = 2 if has_channels else 1  # a plane of one pixel has no deviation
        x = _images(make, channels, *sizes(make, entry, example, least))
        # Not training where it is random: two generators of random numbers cannot agree.  The
        # operation's cases do it.
        if "algorithm" in entry.parameters:
            rung = make.one_of("auto", "naive", "im2col", "tiled")
            example = example._replace(settings={**example.settings, "algorithm": rung})
        return LayerCase(entry.make(example, make.dtype), x, train=not entry.layer.random)

    return strategy


def _flatten(make: Maker) -> LayerCase:
    start, end = make.one_of((1, -1), (0, -1), (1, 2), (-2, 3), (2, 2), (0, 1))
    return LayerCase(layers.Flatten(start, end), _images(make, 2, 3, make.size(1, 4)))


def _block(make: Maker, channels: int) -> Layer:
    """A few layers that leave the shape alone, some of which run together."""
    dtype, rng = make.dtype, make.size(0, 99)
    parts = [
        layers.Conv2d(channels, channels, 3, padding=1, dtype=dtype, rng=rng),
        make.one_of(
            layers.BatchNorm2d(channels, dtype=dtype), layers.GroupNorm(1, channels, dtype=dtype)
        ),
        make.one_of(layers.ReLU(), layers.SiLU(), layers.Tanh(), layers.LeakyReLU(0.2)),
        layers.Conv2d(channels, channels, 1, dtype=dtype, rng=rng),
        layers.ReLU(),
    ]
    return layers.Sequential(
        *parts[: make.size(1, 5)],
        fuse=make.one_of(True, False),
        recompute=make.one_of(True, False),
    )


def _residual(make: Maker) -> LayerCase:
    c = make.size(1, 5)
    shortcut = make.one_of(None, layers.Conv2d(c, c, 1, dtype=make.dtype, rng=1))
    return LayerCase(layers.Residual(_block(make, c), shortcut), make.normal(3, c, 5, 6))


def _sequential(make: Maker) -> LayerCase:
    # From 4: normalising the one pixel that is left of less gives 0, a kink of what follows.
    c, size = make.size(1, 5), make.size(4, 9)
    pool = make.one_of(layers.MaxPool2d(2), layers.AvgPool2d(2))
    head = layers.Linear(c * (size // 2) ** 2, 4, dtype=make.dtype, rng=2)
    block = layers.Residual(_block(make, c))
    first = layers.Conv2d(c, c, 3, padding=1, dtype=make.dtype, rng=3)
    network = layers.Sequential(
        first, layers.ReLU(), pool, block, layers.ReLU(), layers.Flatten(), head, layers.ReLU(),
        fuse=make.one_of(True, False),
    )  # fmt: skip
    return LayerCase(network, make.normal(3, c, size, size))


LAYERS: dict[str, Callable[[Maker], LayerCase]] = {
    **{name: _examples(entry) for name, entry in CATALOGUED.items()},
    "Conv2d": _conv,
    "MaxPool2d": _max_pool,
    "AvgPool2d": _avg_pool,
    "Linear": _linear,
    "Flatten": _flatten,
    "BatchNorm1d": _batch_norm(layers.BatchNorm1d, (), (7,)),
    "BatchNorm2d": _batch_norm(layers.BatchNorm2d, (3, 4)),
    "SyncBatchNorm": _batch_norm(layers.SyncBatchNorm, (3, 4)),
    "LayerNorm": _layer_norm,
    "GroupNorm": _group_norm,
    "Residual": _residual,
    "Sequential": _sequential,
}
"""Of those that are not written here the settings are the catalogue's."""

CASES = {
    "Conv2d": 60, "Sequential": 30, "Residual": 30,
    "BatchNorm1d": 30, "BatchNorm2d": 30, "SyncBatchNorm": 30,
}  # fmt: skip
"""Of each layer in the default run; 15 of the others."""
