"""The ladder of convolution, measured: how fast and how exact each rung is on a layer.

`cnnlite bench` and the benchmarks of the repository print what this finds.  Rates count the
multiplications of the definition, so an algorithm that does fewer can pass the machine's limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cnnlite import functional
from cnnlite.functional.conv import ALGORITHMS
from cnnlite.functional.conv.choice import LARGE_SIDES
from cnnlite.post_ops import NO_POST_OPS
from cnnlite.rates import in_turns

PASSES = ("forward", "input gradient", "weight gradient")


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
    winograd = layer.stride == 1 and layer.kernel in (3, *LARGE_SIDES)
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


def roofline(layer: Conv, peak: float, bandwidth: float) -> float:
    """Return the GFLOP/s that arithmetic or memory leaves the definition of a layer.

    Args:
        layer: what is computed.
        peak: GFLOP/s of a product that memory does not limit.
        bandwidth: GB/s.
    """
    return min(peak, layer.flops / layer.nbytes * bandwidth)
