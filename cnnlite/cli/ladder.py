"""The ladder of convolution, measured: how fast and how exact each rung is on a layer.

`cnnlite bench` and the benchmarks of the repository print what this finds.  Rates count the
multiplications of the definition, so an algorithm that does fewer can pass the machine's limit.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from cnnlite import functional
from cnnlite.backend import empty, kernels
from cnnlite.functional.conv import ALGORITHMS
from cnnlite.post_ops import NO_POST_OPS

PASSES = ("forward", "input gradient", "weight gradient")
SGEMM_SIZE = 2048
STREAM_BYTES = 64 * 2**20  # of each array: no cache holds it


@dataclass(frozen=True)
class Conv:
    """One convolution of a network: square images and kernels, stride 1 unless given."""

    name: str
    channels: int
    size: int
    filters: int
    kernel: int
    padding: int
    stride: int = 1
    batch: int = 128
    groups: int = 1

    @property
    def out_size(self) -> int:
        """Rows, and columns, of the output."""
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def weights(self) -> int:
        """Numbers of the weight."""
        return self.filters * (self.channels // self.groups) * self.kernel**2

    @property
    def multiply_adds(self) -> int:
        """Multiplications with addition that one pass over one image takes."""
        return self.weights * self.out_size**2

    @property
    def flops(self) -> int:
        """Floating-point operations of one pass over the batch."""
        return 2 * self.batch * self.multiply_adds

    @property
    def nbytes(self) -> int:
        """Bytes of x, weight and y: each pass reads two of them and writes the third."""
        x = self.batch * self.channels * self.size**2
        y = self.batch * self.filters * self.out_size**2
        return 4 * (x + y + self.weights)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return x, weight and dy in float32: normal numbers, the same ones each time."""
        rng = np.random.default_rng(0)
        shapes = (
            (self.batch, self.channels, self.size, self.size),
            (self.filters, self.channels // self.groups, self.kernel, self.kernel),
            (self.batch, self.filters, self.out_size, self.out_size),
        )
        x, weight, dy = (rng.standard_normal(shape, np.float32) for shape in shapes)
        return x, weight, dy


def rungs_for(layer: Conv) -> list[str]:
    """Return the rungs that can do this layer; the naive one only where that is soon done."""
    rungs = ["naive"] if layer.flops < 2e6 else []
    winograd = (layer.kernel, layer.stride) == (3, 1)
    depthwise = 1 < layer.groups == layer.channels
    return [
        *rungs, "im2col", "tiled", *["winograd"] * winograd, *["depthwise"] * depthwise,
    ]  # fmt: skip


def measure(layer: Conv, rungs: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Time the three passes of a layer, rung after rung in turns.

    Args:
        layer: what is computed.
        rungs: keys of `ALGORITHMS`.
        rounds: how many turns.

    Returns:
        For each rung GFLOP/s in the order of PASSES, from the medians.
    """
    arrays = layer.arrays()
    works = {
        (rung, i): work for rung in rungs for i, work in enumerate(works_of(layer, rung, arrays))
    }
    times = in_turns(works, rounds)
    return {rung: [layer.flops / times[rung, i] / 1e9 for i in range(3)] for rung in rungs}


def works_of(
    layer: Conv, rung: str, arrays: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> list[Callable[[], object]]:
    """Return functions that do the three passes of a layer on a rung, in the order of PASSES.

    Args:
        layer: what is computed.
        rung: a key of `ALGORITHMS`.
        arrays: what `layer.arrays()` gave.
    """
    x, weight, dy = arrays
    _, cache = functional.conv2d_forward(
        x, weight, None, layer.stride, layer.padding, groups=layer.groups, algorithm=rung
    )
    geometry, algorithm = cache.geometry, ALGORITHMS[rung]
    return [
        lambda: algorithm.forward(x, weight, None, geometry, NO_POST_OPS),
        lambda: algorithm.input_gradient(dy, weight, geometry),
        lambda: algorithm.weight_gradient(dy, x, geometry, False),
    ]


def error(layer: Conv, rung: str) -> float:
    """Return the largest of max|a - a64| / max|a64| over y, dx and dweight, in float32."""
    x, weight, dy = layer.arrays()
    results = []
    settings: tuple[tuple[type[np.floating], str], ...] = (
        (np.float32, rung), (np.float64, "im2col"),
    )  # fmt: skip
    for dtype, algorithm in settings:
        x_, weight_, dy_ = x.astype(dtype), weight.astype(dtype), dy.astype(dtype)
        y, cache = functional.conv2d_forward(
            x_, weight_, None, layer.stride, layer.padding,
            groups=layer.groups, algorithm=algorithm,
        )  # fmt: skip
        dx, dweight, _ = functional.conv2d_backward(dy_, cache)
        results.append((y, dx, dweight))
    pairs = zip(*results, strict=True)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def in_turns(
    works: Mapping[tuple[str, int], Callable[[], object]], rounds: int
) -> dict[tuple[str, int], float]:
    """Run all works one after the other, again and again; return the median seconds of each."""
    for work in works.values():
        work()  # wakes threads, touches memory
    times: dict[tuple[str, int], list[float]] = {key: [] for key in works}
    for _ in range(rounds):
        for key, work in works.items():
            times[key].append(seconds(work))
    return {key: median(values) for key, values in times.items()}


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes; of very short ones, the mean of several."""
    start = time.perf_counter()
    work()
    once = time.perf_counter() - start
    if once > 1e-3:
        return once
    calls = min(100, 1 + int(1e-3 / max(once, 1e-6)))
    start = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - start) / calls


def sgemm_rate(threads: int, rounds: int = 5) -> float:
    """Return GFLOP/s of NumPy's float32 product of two 2048x2048 matrices: the machine's own.

    In a process of its own: how many threads a matrix library uses is settled when it is loaded.
    """
    program = (
        "import time, numpy as np; "
        f"a = np.ones(({SGEMM_SIZE}, {SGEMM_SIZE}), np.float32); y = a @ a; t = []\n"
        f"for _ in range({rounds}):\n"
        "    s = time.perf_counter(); np.matmul(a, a, out=y); t.append(time.perf_counter() - s)\n"
        "print(sorted(t)[len(t) // 2])"
    )
    libraries = ("OPENBLAS", "MKL", "OMP", "BLIS", "VECLIB_MAXIMUM")
    environment = os.environ | {f"{name}_NUM_THREADS": str(threads) for name in libraries}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return 2 * SGEMM_SIZE**3 / float(done.stdout) / 1e9


def product_rate(rounds: int = 5) -> float:
    """Return GFLOP/s of the engine's own product of that size, with the threads that are set."""
    x = np.ones((SGEMM_SIZE, SGEMM_SIZE), np.float32)
    y = empty(x.shape, x.dtype)
    work = {("", 0): lambda: kernels.linear_forward(x, x, None, y)}
    return 2 * SGEMM_SIZE**3 / in_turns(work, rounds)["", 0] / 1e9


def memory_rate(rounds: int = 5) -> float:
    """Return GB/s of a sum of large arrays, each counted once, with the threads that are set."""
    a, b, y = (np.ones(STREAM_BYTES // 4, np.float32) for _ in range(3))
    work = {("", 0): lambda: kernels.add(a, b, y)}
    return 3 * STREAM_BYTES / in_turns(work, rounds)["", 0] / 1e9


def roofline(layer: Conv, peak: float, bandwidth: float) -> float:
    """Return the GFLOP/s that arithmetic or memory leaves the definition of a layer.

    Args:
        layer: what is computed.
        peak: GFLOP/s of a product that memory does not limit.
        bandwidth: GB/s.
    """
    return min(peak, layer.flops / layer.nbytes * bandwidth)
