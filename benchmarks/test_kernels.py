"""The Cython kernels over the shapes of the zoo's networks, batch 128, float32.

    pytest benchmarks/test_kernels.py --benchmark-columns=median,iqr --benchmark-sort=name
    pytest benchmarks --benchmark-json=kernels.json       # extra_info holds GB/s

GB/s counts each byte that has to be read or written once.
"""  # fmt: skip

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.shapes import BATCH, CONVOLUTIONS, POOLS, Pool
from cnnlite.backend import kernels
from cnnlite.cli.ladder import Conv

Measure = Callable[..., None]
ZOO = [layer for layer in CONVOLUTIONS if layer.batch == BATCH]


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _geometry(layer: Conv) -> tuple[tuple[int, ...], ...]:
    """kernel, stride, padding and dilation as the kernels take them."""
    return (layer.kernel,) * 2, (layer.stride,) * 2, (layer.padding,) * 4, (1, 1)


def _columns(layer: Conv) -> np.ndarray:
    return np.empty((BATCH, layer.channels * layer.kernel**2, layer.out_size**2), np.float32)


@pytest.mark.parametrize("layer", ZOO, ids=lambda layer: layer.name)
def test_im2col(measure: Measure, layer: Conv) -> None:
    x, cols = _normal(BATCH, layer.channels, layer.size, layer.size), _columns(layer)
    amount = x.nbytes + cols.nbytes
    measure(kernels.im2col, x, cols, *_geometry(layer), rate="GB/s", amount=amount)


@pytest.mark.parametrize("layer", ZOO, ids=lambda layer: layer.name)
def test_col2im(measure: Measure, layer: Conv) -> None:
    dx, cols = _normal(BATCH, layer.channels, layer.size, layer.size), _columns(layer)
    cols.fill(1)
    amount = dx.nbytes + cols.nbytes
    measure(kernels.col2im, cols, dx, *_geometry(layer), rate="GB/s", amount=amount)


@pytest.mark.parametrize("layer", POOLS, ids=lambda layer: layer.name)
def test_max_pool2d(measure: Measure, layer: Pool) -> None:
    x = _normal(BATCH, layer.channels, layer.size, layer.size)
    y = np.empty((BATCH, layer.channels, layer.size // 2, layer.size // 2), np.float32)
    argmax = np.empty(y.shape, np.int32)
    arguments = (x, y, argmax, (2, 2), (2, 2), (0, 0, 0, 0), (1, 1))
    amount = x.nbytes + y.nbytes + argmax.nbytes
    measure(kernels.max_pool2d_forward, *arguments, rate="GB/s", amount=amount)


@pytest.mark.parametrize("layer", POOLS, ids=lambda layer: layer.name)
def test_max_pool2d_backward(measure: Measure, layer: Pool) -> None:
    x = _normal(BATCH, layer.channels, layer.size, layer.size)
    dy = _normal(BATCH, layer.channels, layer.size // 2, layer.size // 2)
    argmax = np.empty(dy.shape, np.int32)
    kernels.max_pool2d_forward(x, dy.copy(), argmax, (2, 2), (2, 2), (0, 0, 0, 0), (1, 1))
    amount = dy.nbytes + argmax.nbytes + x.nbytes
    measure(kernels.max_pool2d_backward, dy, argmax, x, rate="GB/s", amount=amount)


def test_crop_flip_normalize(measure: Measure) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (10_000, 3, 32, 32), dtype=np.uint8)
    out = np.empty((BATCH, 3, 32, 32), np.float32)
    index = rng.integers(0, len(images), BATCH)
    top, left = rng.integers(0, 9, (2, BATCH), dtype=np.int32)
    flip = rng.integers(0, 2, BATCH, dtype=np.uint8)
    scale = shift = np.ones((3, 32, 32), np.float32)
    arguments = (images, index, top, left, flip, 4, scale, shift, out)
    amount = out.size + out.nbytes  # one byte read, four written for each value
    measure(kernels.crop_flip_normalize, *arguments, rate="GB/s", amount=amount)
