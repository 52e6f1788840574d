"""Messages between the ranks of `mpirun`, and adding up over them, beside the model's prediction.

    mpirun -n 2 python -m benchmarks.exchange
    python -m benchmarks.namespaces --ranks 4 --gbits 1 -- python -m benchmarks.exchange

Latency is half of a message's way there and back, `message` what each of many small ones takes,
bandwidth that of two ranks that send each other eight buckets at a time. With these three, the
model of `benchmarks.scale` predicts what adding up some bytes takes; beside it is what that takes.
Medians, of the slowest rank each time. It needs mpi4py.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from mpi4py import MPI

from benchmarks.scale import MOST, SMALL, Bucket, Link, exchange_seconds
from benchmarks.text import table

TOGETHER, MANY, TIMES = 8, 200, 9
SIZES = (2**15, 2**18, 1_231_784, 7_891_168)  # the last two: VGG with batch-norm; airbench

Requests = list[Any]


def timed(work: Callable[[], None], times: int = TIMES) -> float:
    """Return the median time of the slowest rank, which all of them get."""
    world, found = MPI.COMM_WORLD, []
    for _ in range(times + 2):
        world.Barrier()
        start = time.perf_counter()
        work()
        found.append(world.allreduce(time.perf_counter() - start, MPI.MAX))
    return statistics.median(found[2:])


def swap(given: np.ndarray, got: np.ndarray, number: int = 1) -> None:
    """Let ranks 0 and 1 send each other an array so many times; the others do nothing."""
    world = MPI.COMM_WORLD
    if world.rank > 1:
        return
    requests = [world.Irecv(got, 1 - world.rank) for _ in range(number)]
    requests += [world.Isend(given, 1 - world.rank) for _ in range(number)]
    MPI.Request.Waitall(requests)


def link() -> Link:
    """Measure what is between ranks 0 and 1."""
    world = MPI.COMM_WORLD
    one, two = np.zeros((2, 1), np.float32)

    def there_and_back() -> None:
        for _ in range(MANY):
            if world.rank == 0:
                world.Send(one, 1)
                world.Recv(two, 1)
            elif world.rank == 1:
                world.Recv(two, 0)
                world.Send(one, 0)

    latency = timed(there_and_back, 3) / MANY / 2
    message = timed(lambda: swap(one, two, MANY), 3) / MANY / 2
    given, got = np.zeros((2, MOST // 4), np.float32)
    took = timed(lambda: swap(given, got, TOGETHER)) - latency
    return Link(latency, TOGETHER * MOST / took, message, 0.0)


def add_up(flat: np.ndarray, buffers: list[np.ndarray]) -> None:
    """Add up an array over all ranks, bucket by bucket, in the way of cnnlite's ranks."""
    world = MPI.COMM_WORLD
    others = [rank for rank in range(world.size) if rank != world.rank]
    first: list[tuple[slice, Requests, list[slice] | None]] = []
    for tag, start in enumerate(range(0, flat.size, MOST // 4)):
        stop = min(flat.size, start + MOST // 4)
        parts = None
        if world.size > 2 and 4 * (stop - start) > SMALL:
            ends = [start + (stop - start) * rank // world.size for rank in range(world.size + 1)]
            parts = [slice(*ends[rank : rank + 2]) for rank in range(world.size)]
        own = parts[world.rank] if parts else slice(start, stop)
        requests = [world.Irecv(buffers[rank][own], rank, tag) for rank in others]
        for rank in others:
            requests.append(world.Isend(flat[parts[rank] if parts else own], rank, tag))
        first.append((own, requests, parts))
    second: Requests = []
    for tag, (own, requests, parts) in enumerate(first):
        MPI.Request.Waitall(requests)
        for rank in others:
            flat[own] += buffers[rank][own]
        for rank in others if parts else ():
            second.append(world.Irecv(flat[parts[rank]], rank, len(first) + tag))
            second.append(world.Isend(flat[own], rank, len(first) + tag))
    MPI.Request.Waitall(second)


def main() -> None:
    """Measure, and print on the first rank."""
    world = MPI.COMM_WORLD
    if world.size < 2:
        raise SystemExit("benchmarks.exchange: there is one rank; mpirun -n 2 starts two")
    between = link()
    rows = []
    for size in SIZES:
        flat = np.zeros(size // 4, np.float32)
        buffers = [np.empty_like(flat) for _ in range(world.size)]
        took = timed(lambda flat=flat, buffers=buffers: add_up(flat, buffers))
        cut = [Bucket(min(MOST, size - start), 0) for start in range(0, size, MOST)]
        said = exchange_seconds(cut, world.size, between)
        rows.append(
            [f"{size / 1e6:.3f} MB", f"{1e3 * took:.2f}", f"{1e3 * said:.2f}", f"{took / said:.2f}"]
        )
    if world.rank == 0:
        print(
            f"{world.size} ranks: latency {1e6 * between.latency:.0f} us, message "
            f"{1e6 * between.message:.1f} us, {8e-9 * between.bandwidth:.2f} Gbit/s"
        )
        print(table(["added up", "measured, ms", "predicted, ms", "ratio"], rows), flush=True)


if __name__ == "__main__":
    main()
