"""The engine's kernels over the shapes of the networks: every rung of convolution and its passes,
linear layers, batch-norm, activations, sums, and the optimizer's update; float32.

    pytest benchmarks/test_engine.py --benchmark-columns=median,iqr --benchmark-sort=name
    pytest benchmarks/test_engine.py -k "vgg.conv2" --benchmark-json=engine.json

extra_info holds GFLOP/s, which count the multiplications of the definition, or GB/s, which count
each byte that has to be read or written once.
"""  # fmt: skip

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.shapes import BATCH, CONVOLUTIONS
from cnnlite import SGD, models
from cnnlite import functional as F
from cnnlite.backend import kernels
from cnnlite.cli.ladder import PASSES, Conv, rungs_for, works_of
from cnnlite.post_ops import RELU

Measure = Callable[..., None]
LINEAR = ((3072, 10), (8192, 100), (2048, 10), (256, 10))  # inputs, outputs
PLANES = ((16, 32), (32, 16), (64, 8), (32, 32), (128, 8), (256, 7))  # channels, rows and columns
LADDER = [(layer, rung, i) for layer in CONVOLUTIONS for rung in rungs_for(layer) for i in range(3)]


@pytest.mark.parametrize(
    ("layer", "rung", "number"),
    LADDER,
    ids=[f"{layer.name}-{rung}-{PASSES[i].replace(' ', '_')}" for layer, rung, i in LADDER],
)
def test_convolution(measure: Measure, layer: Conv, rung: str, number: int) -> None:
    work = works_of(layer, rung, layer.arrays())[number]
    measure(work, rate="GFLOP/s", amount=layer.flops)


@pytest.mark.parametrize(("inputs", "outputs"), LINEAR)
@pytest.mark.parametrize("name", ["forward", "input_gradient", "weight_gradient"])
def test_linear(measure: Measure, name: str, inputs: int, outputs: int) -> None:
    x, weight, y = _normal(BATCH, inputs), _normal(outputs, inputs), _normal(BATCH, outputs)
    arguments = {
        "forward": (x, weight, None, y),
        "input_gradient": (y, weight, x),
        "weight_gradient": (x, y, weight, None),
    }[name]
    kernel = getattr(kernels, f"linear_{name}")
    measure(kernel, *arguments, rate="GFLOP/s", amount=2 * BATCH * inputs * outputs)


@pytest.mark.parametrize(("channels", "size"), PLANES)
def test_batch_norm_forward(measure: Measure, channels: int, size: int) -> None:
    x, arguments = _batch_norm(channels, size)
    amount = 3 * x.nbytes  # read for the statistics, read again, written
    measure(F.batch_norm_forward, x, *arguments, rate="GB/s", amount=amount)


@pytest.mark.parametrize(("channels", "size"), PLANES)
def test_batch_norm_backward(measure: Measure, channels: int, size: int) -> None:
    x, arguments = _batch_norm(channels, size)
    y, cache = F.batch_norm_forward(x, *arguments)
    amount = 5 * x.nbytes  # x and dy, twice, and dx
    measure(F.batch_norm_backward, y, cache, rate="GB/s", amount=amount)


@pytest.mark.parametrize("name", ["relu", "gelu"])
@pytest.mark.parametrize(("channels", "size"), PLANES)
def test_activation(measure: Measure, name: str, channels: int, size: int) -> None:
    x = _normal(BATCH, channels, size, size)
    measure(getattr(F, f"{name}_forward"), x, rate="GB/s", amount=2 * x.nbytes)


@pytest.mark.parametrize("name", ["relu", "gelu"])
@pytest.mark.parametrize(("channels", "size"), PLANES)
def test_activation_backward(measure: Measure, name: str, channels: int, size: int) -> None:
    x = _normal(BATCH, channels, size, size)
    _, cache = getattr(F, f"{name}_forward")(x)
    measure(getattr(F, f"{name}_backward"), x, cache, rate="GB/s", amount=3 * x.nbytes)


@pytest.mark.parametrize(("channels", "size"), PLANES)
def test_residual_sum(measure: Measure, channels: int, size: int) -> None:
    x, shortcut = _normal(2, BATCH, channels, size, size)
    arguments = (x, shortcut, np.empty_like(x), RELU)
    measure(kernels.add, *arguments, rate="GB/s", amount=3 * x.nbytes)


@pytest.mark.parametrize("name", ["small_vgg", "resnet20"])
def test_sgd(measure: Measure, name: str) -> None:
    params = dict(models.MODELS[name](rng=0).params)
    grads = {key: np.ones_like(value) for key, value in params.items()}
    optimizer = SGD(lr=1e-3, momentum=0.9, weight_decay=5e-4, nesterov=True)
    amount = 5 * sum(value.nbytes for value in params.values())  # w, v twice; g once
    measure(optimizer.step, params, grads, rate="GB/s", amount=amount)


def _batch_norm(channels: int, size: int) -> tuple[np.ndarray, tuple[object, ...]]:
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    return _normal(BATCH, channels, size, size), (ones, zeros, zeros.copy(), ones.copy(), True)


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
