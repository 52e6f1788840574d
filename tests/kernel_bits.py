"""Hashes of what every kernel computes, over the shapes that decide how its sums are cut.

python -m tests.kernel_bits        print them, as JSON
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from cnnlite import freeze
from cnnlite import functional as F
from cnnlite.backend import kernels
from cnnlite.models import resnet20
from cnnlite.post_ops import RELU

Case = Callable[[np.random.Generator, Any], Iterator[np.ndarray]]

# images, channels, size, filters, kernel, stride, padding, groups
CONVOLUTIONS = [
    (3, 3, (32, 32), 16, 3, 1, 1, 1),
    (40, 16, (16, 16), 16, 3, 1, 1, 1),
    (5, 24, (9, 11), 20, 3, 1, 1, 1),
    (6, 8, (13, 7), 12, 3, 2, 1, 1),
    (2, 5, (20, 37), 7, (2, 5), (1, 3), (0, 2), 1),
    (9, 12, (8, 8), 8, 1, 1, 0, 1),
    (4, 12, (10, 10), 18, 3, 1, 1, 3),
    (130, 4, (6, 6), 5, 3, 1, 1, 1),
    (3, 600, (4, 4), 9, 1, 1, 0, 1),
    (2, 70, (17, 17), 90, 3, 1, 0, 1),
    (2, 1, (1, 300), 4, (1, 7), 1, (0, 3), 1),
]
LARGE_KERNELS = [
    (3, 3, (32, 32), 33, 7, 1, 3, 1),
    (40, 12, (9, 11), 8, (5, 8), 1, (2, 3), 2),
    (2, 70, (17, 17), 20, 6, 1, 0, 1),
]
DEPTHWISE = [
    (7, 6, size, factor * 6, kernel, stride, padding, 6)
    for size, kernel, stride, padding in [
        ((32, 32), 3, 1, 1),
        ((20, 19), 3, 2, 1),
        ((8, 8), 3, 1, 1),
        ((7, 7), 3, 2, 1),
        ((9, 5), 3, 1, 1),
        ((6, 4), 5, 1, 2),
        ((3, 4), 3, 1, 1),
        ((11, 3), 3, 1, 1),
        ((5, 2), 3, 1, 1),
        ((14, 14), 3, 2, 1),
        ((12, 6), (3, 2), (2, 1), (1, 0)),
        ((40, 9), 3, 1, 1),
        ((15, 1), (3, 1), 1, (1, 0)),
    ]
    for factor in ((1, 2) if size[0] < 10 else (1,))
]
# images, channels, size, filters, kernel, stride, padding, output padding, groups
TRANSPOSED = [
    (5, 12, (9, 7), 10, 3, 1, 1, 0, 1),
    (40, 16, (8, 8), 8, 3, 2, 1, 1, 1),
    (3, 6, (5, 11), 9, (2, 4), (2, 3), (0, 1), 0, 3),
    (6, 8, (7, 7), 8, 3, 2, 1, 0, 8),
    (2, 300, (4, 4), 5, 4, 2, 1, 0, 1),
]
# images, channels, length, filters, kernel, stride, padding, groups
ONE_AXIS = [
    (20, 16, 100, 12, 3, 1, 1, 1),
    (3, 5, 1037, 7, 8, 3, (4, 2), 1),
    (9, 6, 65, 12, 5, 1, 2, 6),
    (2, 600, 9, 4, 1, 1, 0, 2),
]
# shape, kernel, stride, padding
POOLS = [((5, 6, 13, 11), 3, 2, 1), ((2, 3, 40, 9), (9, 2), (4, 1), (2, 0))]
LINEAR = [(1, 5000, 3), (4, 70, 33), (128, 1100, 10), (20, 37, 130), (600, 17, 9), (300, 40, 50)]
NORMS = [(3, 5, 7), (40, 16, 1024), (9, 4, 100), (2, 3, 5000), (600, 20, 1), (17, 6, 33)]


def cases() -> Iterator[tuple[str, Case]]:
    """Return what is computed, by name."""
    for algorithm, shapes in (
        ("tiled", CONVOLUTIONS),
        ("winograd", [s for s in CONVOLUTIONS if s[4] == 3 and s[5] == 1] + LARGE_KERNELS),
        ("depthwise", DEPTHWISE),
        ("im2col", CONVOLUTIONS[3:5]),
    ):
        for shape in shapes:
            yield f"{algorithm} {shape}", _convolution(algorithm, *shape)
            if algorithm == "winograd" and shape[4] == 3:
                yield f"bfloat16 {shape}", _convolution(algorithm, *shape, "bfloat16")
    for sizes in TRANSPOSED:
        yield f"transposed {sizes}", _transposed(*sizes)
    for sizes in ONE_AXIS:
        yield f"one axis {sizes}", _one_axis(*sizes)
    for sizes in LINEAR:
        yield f"linear {sizes}", _linear(*sizes)
    for name in ("max_pool2d", "avg_pool2d"):
        for shape in POOLS:
            yield f"{name} {shape}", _pool(name, *shape)
    yield "relu", _relu
    yield "planes of pictures", _planes
    for sizes in NORMS:
        yield f"batch-norm {sizes}", _batch_norm(*sizes)
    for name in ("gelu", "exp", "expm1", "log", "log1p", "tanh"):
        yield name, _pointwise(name)
    for mean in (True, False):
        yield f"windows {'mean' if mean else 'maximum'}", partial(_windows, mean)
    for images in (1, 20):
        yield f"frozen resnet20 {images}", partial(_frozen, images)


def _windows(mean: bool, rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
    x = reals(rng, (2, 3, 19, 37), dtype)
    for kernel, stride, pad, size in (
        ((3, 3), (2, 2), (1, 1, 1, 1), (10, 19)),
        ((19, 37), (1, 1), (0, 0, 0, 0), (1, 1)),
        ((1, 1), (2, 2), (0, 0, 0, 0), (10, 19)),
    ):
        y = np.empty((2, 5, *size), dtype)
        kernels.windows_forward(x, y, kernel, stride, pad, (1, 1), mean, False)
        yield y


def _frozen(images: int, rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
    """A network whose normalisations are folded, and whose sums are made by convolutions."""
    model = resnet20(dtype=dtype, rng=0)
    for name, array in model.buffers.items():
        if name.endswith("running_mean"):
            array[...] = reals(rng, array.shape, dtype)
    yield freeze(model)(reals(rng, (images, 3, 32, 32), dtype))


def _convolution(
    algorithm: str,
    n: int,
    c: int,
    size: Any,
    f: int,
    kernel: Any,
    stride: Any,
    pad: Any,
    groups: int,
    multiply: str = "float32",
) -> Case:
    def run(rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
        kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        x = reals(rng, (n, c, *size), dtype)
        weight, bias = reals(rng, (f, c // groups, kh, kw), dtype), reals(rng, (f,), dtype)
        y, cache = F.conv2d_forward(
            x, weight, bias, stride, pad, groups=groups, algorithm=algorithm, multiply=multiply
        )
        yield y
        yield from F.conv2d_backward(reals(rng, y.shape, dtype), cache)

    return run


def _transposed(
    n: int,
    c: int,
    size: Any,
    f: int,
    kernel: Any,
    stride: Any,
    pad: Any,
    output_padding: int,
    groups: int,
) -> Case:
    def run(rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
        kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        weight = reals(rng, (c, f // groups, kh, kw), dtype)
        settings = (stride, pad, output_padding, groups)
        y, cache = F.conv_transpose2d_forward(
            reals(rng, (n, c, *size), dtype), weight, reals(rng, (f,), dtype), *settings
        )
        yield y
        yield from F.conv_transpose2d_backward(reals(rng, y.shape, dtype), cache)

    return run


def _one_axis(
    n: int, c: int, length: int, f: int, kernel: int, stride: int, pad: Any, groups: int
) -> Case:
    def run(rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
        x, weight = reals(rng, (n, c, length), dtype), reals(rng, (f, c // groups, kernel), dtype)
        bias = reals(rng, (f,), dtype)
        y, cache = F.conv1d_forward(x, weight, bias, stride, pad, groups=groups)
        yield y
        yield from F.conv1d_backward(reals(rng, y.shape, dtype), cache)

    return run


def _linear(n: int, inputs: int, outputs: int) -> Case:
    def run(rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
        x, weight = reals(rng, (n, inputs), dtype), reals(rng, (outputs, inputs), dtype)
        y, cache = F.linear_forward(x, weight, reals(rng, (outputs,), dtype))
        yield y
        yield from F.linear_backward(reals(rng, y.shape, dtype), cache)

    return run


def _batch_norm(n: int, channels: int, size: int) -> Case:
    def run(rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
        x, dy, y, dx = (reals(rng, (n, channels, size), dtype) for _ in range(4))
        rows = [reals(rng, (channels,), dtype) for _ in range(8)]
        gamma, beta, mean, inverse_std, variance, rest, dgamma, dbeta = rows
        kernels.batch_norm_forward(
            x, y, gamma, beta, mean, inverse_std, variance, 1e-5, True, RELU, rest
        )
        kernels.batch_norm_backward(
            dy, x, dx, gamma, beta, mean, inverse_std, dgamma, dbeta, True, rest=rest
        )
        yield from (y, dx, mean, inverse_std, variance, rest, dgamma, dbeta)

    return run


def _pool(name: str, shape: tuple[int, ...], kernel: Any, stride: Any, pad: Any) -> Case:
    def run(rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
        forward, backward = (getattr(F, f"{name}_{way}") for way in ("forward", "backward"))
        y, cache = forward(reals(rng, shape, dtype), kernel, stride, pad)
        yield y
        yield backward(reals(rng, y.shape, dtype), cache)

    return run


def _relu(rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
    y, cache = F.relu_forward(reals(rng, (3, 777), dtype))
    yield y
    yield F.relu_backward(reals(rng, y.shape, dtype), cache)


def _planes(rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
    planes, sums = np.empty((3, 777), np.uint8), np.empty((2, 3), np.uint64)
    kernels.split_planes(rng.integers(0, 256, (777, 4), np.uint8), planes, sums)
    yield planes
    yield sums


def _pointwise(name: str) -> Case:
    def run(rng: np.random.Generator, dtype: Any) -> Iterator[np.ndarray]:
        x = 4 * reals(rng, (5003,), dtype)
        if name.startswith("log"):
            x = np.abs(x)
        y = np.empty_like(x)
        if name != "gelu":
            getattr(kernels, name)(x, y)
        else:
            kernels.gelu_forward(x, y)
            yield y
            y = np.empty_like(x)
            kernels.gelu_backward(x[::-1].copy(), x, y)
        yield y

    return run


def reals(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return numbers from -1 to 1 that float32 holds exactly."""
    return rng.integers(-(2**20), 2**20, shape).astype(dtype) / 2**20


def digests() -> dict[str, str]:
    """Return a hash for each case, of both dtypes."""
    found = {}
    for name, case in cases():
        digest = hashlib.sha256()
        for dtype in (np.float32, np.float64):
            for array in case(np.random.default_rng(0), dtype):
                digest.update(array.tobytes())
        found[name] = digest.hexdigest()[:16]
    return found


if __name__ == "__main__":
    print(json.dumps(digests(), indent=1))
