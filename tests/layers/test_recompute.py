"""Recomputation: the same bits with less memory, and nothing is computed again without need."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from cnnlite.debug_caches import debug_caches
from cnnlite.layers import (
    ELU,
    GELU,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    Mish,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
)
from cnnlite.layers.cache_memory import new_bytes
from cnnlite.layers.recompute import DEEPEST, Again
from cnnlite.layers.stopwatch import RECOMPUTE, Stopwatch
from cnnlite.models import resnet_cifar


def conv(channels: int = 4) -> Conv2d:
    return Conv2d(channels, 4, 3, padding=1, bias=False, rng=channels)


def blocks(count: int, kind: type[Layer]) -> list[Layer]:
    """Return residual blocks, each with its activation."""
    layers: list[Layer] = []
    for _ in range(count):
        body = Sequential(conv(), BatchNorm2d(4), kind(), conv(), BatchNorm2d(4))
        layers += [Residual(body), kind()]
    return layers


class Own(Layer):
    """A layer of one's own, whose cache is its input."""

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> Any:
        return 3 * x, x

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> Any:
        assert isinstance(cache, np.ndarray)
        return 3 * dy, {}


class DoubledGELU(GELU):
    """A class of one's own, which runs as it is written, and is kept as it is."""

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> Any:
        y, cache = super().forward(x, train, rng)
        return 2 * y, cache


NETWORKS = {
    "batch-norm and ReLU": lambda: [conv(3), BatchNorm2d(4), ReLU(), conv()],
    "batch-norm alone": lambda: [conv(3), BatchNorm2d(4), conv()],
    "no affine": lambda: [conv(3), BatchNorm2d(4, affine=False), ReLU(), conv()],
    "no running statistics": lambda: [
        conv(3), BatchNorm2d(4, track_running_stats=False), SiLU(), conv(),
    ],
    "batch-norm, GELU, pool": lambda: [conv(3), MaxPool2d(2), BatchNorm2d(4), GELU(), conv()],
    "convolution and GELU": lambda: [conv(3), GELU(), conv(), SiLU(), conv()],
    "ReLU before batch-norm": lambda: [conv(3), ReLU(), BatchNorm2d(4), ReLU(), conv()],
    "activations by themselves": lambda: [
        conv(3), BatchNorm2d(4), GELU("tanh"), conv(), ELU(), conv(), Mish(), conv(),
        BatchNorm2d(4), LeakyReLU(-0.5), conv(), Sigmoid(), conv(),
    ],
    "residual blocks": lambda: [
        conv(3), BatchNorm2d(4), ReLU(), *blocks(4, ReLU), conv(),
    ],
    "residual blocks, GELU": lambda: [
        conv(3), BatchNorm2d(4), GELU(), *blocks(4, GELU), conv(),
    ],
    "a branch beside": lambda: [
        conv(3), BatchNorm2d(4), ReLU(),
        Residual(Sequential(conv(), BatchNorm2d(4)), Sequential(conv(), BatchNorm2d(4))), SiLU(),
        Residual(conv(), Sequential(BatchNorm2d(4), ReLU(), conv())), ReLU(), conv(),
    ],
    "dropout and layers of one's own": lambda: [
        conv(3), BatchNorm2d(4), ReLU(), Own(), BatchNorm2d(4), ReLU(), Dropout(0.3), conv(),
        BatchNorm2d(4), DoubledGELU(), conv(),
    ],
}  # fmt: skip


def images(dtype: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3, 3, 8, 8)).astype(dtype)


def step(model: Sequential, x: np.ndarray, need_dx: bool = True) -> list[Any]:
    y, cache = model.forward(x, rng=3)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(y.dtype)
    dx, grads = model.backward(dy, cache, need_dx)
    assert cache == []
    return [y, dx, *grads.values(), *model.buffers.values()]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("fuse", [True, False])
def test_a_step_has_the_same_bits(name: str, fuse: bool) -> None:
    plain, thrifty = (
        Sequential(*NETWORKS[name](), fuse=fuse, recompute=recompute) for recompute in (False, True)
    )
    for got, expected in zip(step(thrifty, images()), step(plain, images()), strict=True):
        assert np.array_equal(got, expected)


def test_it_is_the_same_in_float64_and_in_inference() -> None:
    make = NETWORKS["residual blocks"]
    plain = Sequential(*make()).astype(np.float64)
    thrifty = Sequential(*make(), recompute=True).astype(np.float64)
    x = images(np.float64)
    for got, expected in zip(step(thrifty, x), step(plain, x), strict=True):
        assert np.array_equal(got, expected)
    assert np.array_equal(thrifty(x), plain(x))
    (y, cache), (_, other) = thrifty.forward(x, train=False), plain.forward(x, train=False)
    assert np.array_equal(thrifty.backward(y, cache)[0], plain.backward(y, other)[0])


def kept(model: Sequential, x: np.ndarray) -> int:
    _, cache = model.forward(x)
    return new_bytes(cache, {id(array) for array in model.params.values()})


@pytest.mark.skipif(debug_caches, reason="guarded caches are kept whole")
def test_what_is_kept_is_what_batch_norm_gets() -> None:
    x = images()
    model = Sequential(*NETWORKS["batch-norm, GELU, pool"](), recompute=True)
    small = 4 * 5 * 4  # statistics
    pooled = 4 * 3 * 4 * 16
    assert kept(model, x) <= x.nbytes + pooled + pooled // 4 + small  # and the pooling's argmax
    model.recompute = False
    assert kept(model, x) >= x.nbytes + 3 * pooled


@pytest.mark.skipif(debug_caches, reason="guarded caches are kept whole")
def test_a_residual_network_keeps_little_more_than_half() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 16, 16)).astype(np.float32)
    model = resnet_cifar(20, input_shape=(3, 16, 16), rng=0)
    whole = kept(model, x)
    model.recompute = True
    assert kept(model, x) < 0.65 * whole


@pytest.mark.skipif(debug_caches, reason="guarded caches are kept whole")
def test_nothing_is_computed_again_twice_or_without_need() -> None:
    model = Sequential(*NETWORKS["residual blocks"](), recompute=True)
    with Stopwatch(model) as watch:
        step(model, images())
    again = [watched.paths for watched in watch.passes if watched.direction == RECOMPUTE]
    assert len(again) == len(set(again)) == 4 + 1 + 3  # inside the blocks, before them, and 3 of 4
    paths = [path for (path,) in again]
    assert paths[:2] == ["7.body.4", "9.body.4"]  # the addend first


def test_chains_stay_short_however_deep_the_network() -> None:
    model = Sequential(conv(3), BatchNorm2d(4), ReLU(), *blocks(30, ReLU), recompute=True)
    _, cache = model.forward(images())
    found: list[Any] = [cache]
    deepest = 0
    while found:
        value = found.pop()
        if isinstance(value, Again):
            deepest = max(deepest, value.depth)
        elif isinstance(value, list | tuple):
            found += value
    assert deepest == (0 if debug_caches else DEEPEST)


def test_arrays_die_with_their_cache() -> None:
    model = Sequential(*NETWORKS["residual blocks, GELU"](), recompute=True)
    gc.disable()
    try:
        y, cache = model.forward(images())
        alive = weakref.ref(y)
        model.backward(np.ones_like(y), cache)
        del y, cache
        assert alive() is None
        _, cache = model.forward(images())
        arrays = [entry.x for entry in cache if isinstance(getattr(entry, "x", None), np.ndarray)]
        refs = [weakref.ref(array) for array in arrays]
        del cache, arrays
        assert [ref() for ref in refs] == [None] * len(refs)
    finally:
        gc.enable()


def test_a_network_inside_need_not_be_told_and_slices_remember() -> None:
    inner = Sequential(conv(3), BatchNorm2d(4), ReLU(), conv())
    outer = Sequential(inner, Flatten(), Linear(256, 2, rng=0), recompute=True)
    assert not inner.recompute
    assert outer[:1].recompute
    plain = Sequential(inner, *list(outer)[1:])
    for got, expected in zip(
        step(outer, images(), False), step(plain, images(), False), strict=True
    ):
        assert got is expected or np.array_equal(got, expected) or got.dtype == np.int64


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_the_option_is_a_flag(value: Any) -> None:
    with pytest.raises(TypeError, match="Sequential: recompute is"):
        Sequential(recompute=value)
    model = Sequential()
    with pytest.raises(TypeError, match="Sequential: recompute is"):
        model.recompute = value


def test_a_cache_serves_one_backward_and_a_refused_gradient_leaves_it_whole() -> None:
    model = Sequential(*NETWORKS["batch-norm and ReLU"](), recompute=True)
    y, cache = model.forward(images())
    with pytest.raises(ValueError, match="dy"):
        model.backward(np.ones((1, 1), np.float32), cache)
    model.backward(np.ones_like(y), cache)
    with pytest.raises(RuntimeError, match="backward empties it"):
        model.backward(np.ones_like(y), cache)
