"""What this machine can do, measured: products of matrices and traffic with memory, per second."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple

import numpy as np

from cnnlite.backend import empty, kernels
from cnnlite.threads import get_num_threads

__all__ = [
    "Limits", "in_turns", "measure_limits", "memory_rate", "product_rate", "seconds", "sgemm_rate",
]  # fmt: skip

SGEMM_SIZE = 2048
STREAM_BYTES = 64 * 2**20  # of each array: no cache holds it


class Limits(NamedTuple):
    """What a layer cannot be faster than.

    Attributes:
        gflops: GFLOP/s of NumPy's float32 product of two 2048x2048 matrices.
        gbytes: GB/s of a sum of large arrays.
        threads: with how many threads both were measured.
    """

    gflops: float
    gbytes: float
    threads: int

    def seconds(self, flops: float, nbytes: float) -> float:
        """Return the least time for so much arithmetic and traffic: the longer of the two.

        Source: Williams, Waterman and Patterson, "Roofline", CACM 2009.
        """
        return max(flops / self.gflops, nbytes / self.gbytes) / 1e9


def measure_limits(rounds: int = 3) -> Limits:
    """Measure this machine's limits with the threads that are set, in about a second."""
    threads = get_num_threads()
    return Limits(sgemm_rate(threads, rounds), memory_rate(rounds), threads)


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
