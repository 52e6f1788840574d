"""The ladder of convolution: every rung on the layers of the zoo, beside the machine's own sgemm.

    python -m benchmarks.ladder                 # batch 128, one thread
    python -m benchmarks.ladder --threads 4 --rounds 20

Prints, for the forward pass, the input gradient and the weight gradient, GFLOP/s that count the
multiplications of the definition (so Winograd's, which does fewer, can pass the machine's limit),
their share of NumPy's float32 product of two 2048x2048 matrices in the same run, and the largest
relative error of the three against float64.  Rungs take turns, and the median of the rounds counts.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

import cnnlite
from benchmarks.shapes import BATCH, CONVOLUTIONS, Conv
from cnnlite import functional as F
from cnnlite.functional._conv_geometry import ConvGeometry
from cnnlite.functional.conv import ALGORITHMS

RUNGS = ("im2col", "tiled", "winograd")


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def sgemm_rate(rounds: int) -> float:
    """GFLOP/s of NumPy's float32 product of two 2048x2048 matrices, with its own threads."""
    a = np.ones((2048, 2048), np.float32)
    out = np.empty_like(a)
    return (
        2
        * 2048**3
        / np.median([seconds(lambda: np.matmul(a, a, out=out)) for _ in range(rounds)])
        / 1e9
    )


def passes(
    layer: Conv, rung: str, x: np.ndarray, weight: np.ndarray, dy: np.ndarray
) -> list[Callable[[], object]]:
    """The three products of a convolution on one rung."""
    _, cache = F.conv2d_forward(x, weight, None, layer.stride, layer.padding, algorithm=rung)
    geometry: ConvGeometry = cache.geometry
    algorithm = ALGORITHMS[rung]
    return [
        lambda: algorithm.forward(x, weight, None, geometry, False, False),
        lambda: algorithm.input_gradient(dy, weight, geometry),
        lambda: algorithm.weight_gradient(dy, x, geometry, True),
    ]


def error(layer: Conv, rung: str, x: np.ndarray, weight: np.ndarray, dy: np.ndarray) -> float:
    """Largest of max|a - a64| / max|a64| over y, dx and dweight, on eight images."""
    x, dy = x[:8], dy[:8]
    results = []
    for dtype, algorithm in ((np.float32, rung), (np.float64, "im2col")):
        arrays = (a.astype(dtype) for a in (x, weight, dy))
        x_, weight_, dy_ = arrays
        y, cache = F.conv2d_forward(
            x_, weight_, None, layer.stride, layer.padding, algorithm=algorithm
        )
        dx, dweight, _ = F.conv2d_backward(dy_, cache)
        results.append([y, dx, dweight])
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(*results, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--layers", nargs="*", help="only these, by name")
    arguments = parser.parse_args()
    cnnlite.set_num_threads(arguments.threads)
    sgemm = sgemm_rate(arguments.rounds)
    print(f"{arguments.threads} threads; NumPy's sgemm, with its own threads: {sgemm:.0f} GFLOP/s")
    print(f"{'layer':18}{'rung':10}{'forward':>14}{'dx':>14}{'dweight':>14}{'error':>10}")
    rng = np.random.default_rng(0)
    for layer in CONVOLUTIONS:
        if arguments.layers and layer.name not in arguments.layers:
            continue
        x = rng.standard_normal((BATCH, layer.channels, layer.size, layer.size), np.float32)
        weight = rng.standard_normal(
            (layer.filters, layer.channels, layer.kernel, layer.kernel), np.float32
        )
        dy = rng.standard_normal((BATCH, layer.filters, layer.out_size, layer.out_size), np.float32)
        rungs = [r for r in RUNGS if r != "winograd" or (layer.kernel, layer.stride) == (3, 1)]
        work = {rung: passes(layer, rung, x, weight, dy) for rung in rungs}
        times: dict[str, list[list[float]]] = {rung: [] for rung in rungs}
        for _ in range(arguments.rounds):
            for rung in rungs:
                times[rung].append([seconds(one) for one in work[rung]])
        for rung in rungs:
            flops = 2 * BATCH * layer.multiply_adds
            rates = flops / np.median(times[rung], axis=0) / 1e9
            cells = "".join(f"{rate:8.0f} {rate / sgemm:4.0%}".rjust(14) for rate in rates)
            print(
                f"{layer.name:18}{rung:10}{cells}{error(layer, rung, x, weight, dy):10.1e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
