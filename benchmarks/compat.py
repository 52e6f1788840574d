"""What the course's names cost: training steps through cnnlite.compat beside the library's own.

    python -m benchmarks.compat                    # all networks, 2 threads
    python -m benchmarks.compat --batch 100 --seconds 5 --networks "FullyConnectedNet, batchnorm"

The same network, batch and optimizer on both sides, which take turns step by step, so that a
change in the machine's mood meets both; medians count.  A step is the loss, its gradients and the
update of all parameters: `model.loss` and a rule of `optim`, or `ConvNet` and its `SGD`, beside
`Sequential` and our optimizer.  Exit status 1 if one takes more than 1.3 times the native step.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

import cnnlite
from benchmarks.text import table
from cnnlite import models
from cnnlite.compat.cs231n import optim
from cnnlite.compat.cs231n.classifiers.cnn import ThreeLayerConvNet
from cnnlite.compat.cs231n.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from cnnlite.compat.cs7643 import optimizer
from cnnlite.compat.cs7643.modules import ConvNet
from cnnlite.layers import (
    BatchNorm1d,
    Conv2d,
    Flatten,
    LayerNorm,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
)

MOST = 1.3  # times the native step
WARM = 3
LR, MOMENTUM, REG = 1e-4, 0.9, 1e-3
HIDDEN = [100, 100, 100, 100]
CONVNET = [
    {"type": "Conv2D", "in_channels": 3, "out_channels": 32, "kernel_size": 5, "stride": 1,
     "padding": 2},
    {"type": "ReLU"},
    {"type": "MaxPooling", "kernel_size": 2, "stride": 2},
    {"type": "Linear", "in_dim": 8192, "out_dim": 10},
]  # fmt: skip

Step = Callable[[np.ndarray, np.ndarray], object]
Norm = Callable[[int], Any]


def native(model: Sequential, chosen: cnnlite.optim.Optimizer) -> Step:
    """Return a training step of the library's own."""
    loss = cnnlite.CrossEntropyLoss()

    def step(x: np.ndarray, y: np.ndarray) -> None:
        scores, cache = model.forward(x)
        _, loss_cache = loss.forward(scores, y)
        _, grads = model.backward(loss.backward(loss_cache), cache, need_dx=False)
        chosen.step(model.params, grads)

    return step


def cs231n(model: Any, rule: Callable[..., Any]) -> Step:
    """Return a training step as the Stanford course's Solver takes it."""
    configs = {key: {"learning_rate": LR} for key in model.params}

    def step(x: np.ndarray, y: np.ndarray) -> None:
        _, grads = model.loss(x, y)
        for key in configs:
            updated = rule(model.params[key], grads[key], configs[key])
            model.params[key], configs[key] = updated

    return step


def cs7643(model: ConvNet) -> Step:
    """Return a training step as the Georgia Tech course's trainer takes it."""
    chosen = optimizer.SGD(model, LR, REG, MOMENTUM)

    def step(x: np.ndarray, y: np.ndarray) -> None:
        model.forward(x, y)
        model.backward()
        chosen.update(model)

    return step


def fully_connected(dtype: npt.DTypeLike, norm: Norm | None = None) -> Sequential:
    """Return FullyConnectedNet's twin."""
    model = Sequential(Flatten())
    for inputs, outputs in pairwise([3072, *HIDDEN]):
        model.append(Linear(inputs, outputs, dtype=dtype))
        if norm is not None:
            model.append(norm(outputs))
        model.append(ReLU())
    return model.append(Linear(HIDDEN[-1], 10, dtype=dtype))


def pairs(dtype: npt.DTypeLike) -> dict[str, tuple[Step, Step]]:
    """Return each network's native step and the course's, by name."""

    def momentum() -> cnnlite.SGD:
        return cnnlite.SGD(LR, momentum=MOMENTUM)

    def hidden(**options: Any) -> FullyConnectedNet:
        return FullyConnectedNet(HIDDEN, dtype=dtype, **options)

    found = {
        "FullyConnectedNet": (
            native(fully_connected(dtype), momentum()), cs231n(hidden(), optim.sgd_momentum)
        ),
        "FullyConnectedNet, adam": (
            native(fully_connected(dtype), cnnlite.Adam(LR)), cs231n(hidden(), optim.adam)
        ),
        "FullyConnectedNet, batchnorm": (
            native(fully_connected(dtype, lambda n: BatchNorm1d(n, dtype=dtype)), momentum()),
            cs231n(hidden(normalization="batchnorm"), optim.sgd_momentum),
        ),
        "FullyConnectedNet, layernorm": (
            native(fully_connected(dtype, lambda n: LayerNorm(n, dtype=dtype)), momentum()),
            cs231n(hidden(normalization="layernorm"), optim.sgd_momentum),
        ),
        "ThreeLayerConvNet": (
            native(models.three_layer_convnet(dtype=dtype), momentum()),
            cs231n(ThreeLayerConvNet(dtype=dtype), optim.sgd_momentum),
        ),
        "ThreeLayerConvNet, adam": (
            native(models.three_layer_convnet(dtype=dtype), cnnlite.Adam(LR)),
            cs231n(ThreeLayerConvNet(dtype=dtype), optim.adam),
        ),
    }  # fmt: skip
    if dtype == np.float64:  # these have float64 weights, as the courses wrote them
        found["TwoLayerNet"] = (
            native(models.two_layer_net(dtype=dtype), cnnlite.SGD(LR)),
            cs231n(TwoLayerNet(), optim.sgd),
        )
        twin = Sequential(
            Conv2d(3, 32, 5, padding=2, dtype=dtype), ReLU(), MaxPool2d(2), Flatten(),
            Linear(8192, 10, dtype=dtype),
        )  # fmt: skip
        decayed = cnnlite.SGD(LR, momentum=MOMENTUM, weight_decay=REG)
        found["ConvNet (CS 7643)"] = (
            native(twin, decayed), cs7643(ConvNet(CONVNET, {"type": "SoftmaxCrossEntropy"}))
        )  # fmt: skip
    return found


def measure(pair: tuple[Step, Step], x: np.ndarray, y: np.ndarray, seconds: float) -> list[float]:
    """Return the median seconds of both sides' steps, taken in turns for about so long."""
    for _ in range(WARM):
        for step in pair:
            step(x, y)
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < WARM:
        for step, taken in zip(pair, times, strict=True):
            start = time.perf_counter()
            step(x, y)
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def main() -> int:
    """Measure, print; 1 if a ratio is too large."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", help="the beginnings of names; all without it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=3, help="for each network and dtype")
    arguments = parser.parse_args()
    cnnlite.set_num_threads(arguments.threads)
    rng = np.random.default_rng(0)
    rows, worst = [], 0.0
    for dtype in (np.float32, np.float64):
        x = rng.standard_normal((arguments.batch, 3, 32, 32)).astype(dtype)
        y = rng.integers(0, 10, arguments.batch)
        for name, pair in pairs(dtype).items():
            if arguments.networks and not name.startswith(tuple(arguments.networks)):
                continue
            ours, theirs = measure(pair, x, y, arguments.seconds)
            worst = max(worst, theirs / ours)
            cells = [f"{ours * 1e3:.2f} ms", f"{theirs * 1e3:.2f} ms", f"{theirs / ours:.2f}"]
            rows.append([name, np.dtype(dtype).name, *cells])
    print(table(["network", "dtype", "native", "compat", "ratio"], rows))
    return int(worst > MOST)


if __name__ == "__main__":
    raise SystemExit(main())
