"""Several processes against threads, and batches in shards against whole ones.

    python -m benchmarks.ranks                # all three comparisons
    python -m benchmarks.ranks --rounds 3     # fewer rounds

Small VGG with batch-norm, batches of 128 images, training steps of a `Solver`:

- ranks: 2 ranks with 1 thread each against 1 rank with 2 threads, the same 2 shards;
- shards: 1, 2 and 4 shards on 1 process, 2 threads;
- memory: a step with a batch of 1024 images, whole and in 8 shards: the most that its arrays take.

Sides take turns, and each number is the median of the rounds.  Then the ingredients of a model of
the time of a step on several machines: bytes of gradients of each network of the zoo, and the time
of an exchange between 2 ranks by its size.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.text import table
from cnnlite import Solver
from cnnlite.backend import memory_in_use
from cnnlite.models import MODELS
from cnnlite.training.distributed.flat import Bucket
from cnnlite.training.distributed.joining import join

ROOT = Path(__file__).parents[1]
WARM, STEPS = 3, 12  # steps before measuring, and measured
SIZES = 10, 12, 14, 16, 18, 20, 22
"""Powers of two: bytes of the exchanges that are timed."""


def solver(batch: int, shards: int) -> Solver:
    """Return a training of random images."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2 * batch, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, 10, 2 * batch)
    data = {"X_train": images, "y_train": labels, "X_val": images[:10], "y_val": labels[:10]}
    return Solver(MODELS["small_vgg"](rng=0), data, batch_size=batch, shards=shards, verbose=False)


def step_seconds(batch: int, shards: int, steps: int = STEPS) -> float:
    """Return what a training step takes, the median, with the making of its batch."""
    training, times = solver(batch, shards), []
    index = np.arange(batch)
    for _ in range(WARM + steps):
        training.ranks.texts("")  # begin together
        start = time.perf_counter()
        training.agree()
        training.train_step(training._batch(index), training.targets(index))
        times.append(time.perf_counter() - start)
    return median(times[WARM:])


def step_bytes(batch: int, shards: int) -> int:
    """Return the most that the arrays of a step take at once, beside what was there before."""
    training, index = solver(batch, shards), np.arange(batch)
    training.train_step(training._batch(index), training.targets(index))  # the optimizer's state
    before, _ = memory_in_use(reset_peak=True)
    training.train_step(training._batch(index), training.targets(index))
    return memory_in_use()[1] - before


def exchange_seconds() -> dict[int, float]:
    """Return what it takes to sum arrays of some sizes over all ranks, nothing else going on."""
    ranks, found = join(), {}
    for power in SIZES:
        bucket = Bucket({"x": (2**power // 4,)}, np.dtype(np.float32))
        times = []
        for _ in range(30):
            bucket.begin(ranks.size)
            bucket.begin_shard()
            bucket.put("x", np.ones(2**power // 4, np.float32))
            bucket.end_shard(ranks.rank)
            ranks.texts("")
            start = time.perf_counter()
            ranks.begin(bucket, ranks.size)
            ranks.sums(bucket)
            times.append(time.perf_counter() - start)
        found[2**power] = median(times)
    return found


def worker(ranks: int, threads: int, *words: Any) -> Any:
    """Run a function of this file on so many ranks; return what it gives on the first."""
    command = [sys.executable, "-m", "benchmarks.ranks", "--worker", *map(str, words)]
    if ranks > 1:
        command = ["mpirun", "-n", str(ranks), *command]
    variables = {**os.environ, "CNNLITE_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


WORKERS = {"step": step_seconds, "bytes": step_bytes, "exchange": exchange_seconds}


def compared(sides: dict[str, tuple[Any, ...]], rounds: int) -> None:
    """Print what sides take that take turns; the first one is what the others are compared with."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        for name in list(sides)[:: 1 if turn % 2 else -1]:
            seconds[name].append(worker(*sides[name]))
    first = seconds[next(iter(sides))]
    rows = []
    for name, each in seconds.items():
        ratio = median(a / b for a, b in zip(first, each, strict=True))
        rows.append([name, f"{1e3 * median(each):.1f} ms", f"{ratio:.1%}"])
    print(table(["", "a step", "of the first one's speed"], rows), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        name, *numbers = given.worker
        found = WORKERS[name](*map(int, numbers))
        if join().first:
            print(json.dumps(found))
        return
    compared(
        {
            "1 rank, 2 threads, 2 shards": (1, 2, "step", 128, 2),
            "2 ranks, 1 thread, 2 shards": (2, 1, "step", 128, 2),
        },
        given.rounds,
    )
    compared(
        {
            f"1 rank, 2 threads, {shards} shards": (1, 2, "step", 128, shards)
            for shards in (1, 2, 4)
        },
        given.rounds,
    )
    whole, parts = (worker(1, 2, "bytes", 1024, shards) for shards in (1, 8))
    print(
        f"arrays of a step with 1024 images: {whole / 2**20:.0f} MiB whole, "
        f"{parts / 2**20:.0f} MiB in 8 shards: 1/{whole / parts:.1f}\n"
    )
    rows = [
        [name, f"{sum(a.nbytes for a in make(rng=0).params.values()):,}"]
        for name, make in MODELS.items()
    ]
    print(table(["network", "bytes of gradients a step"], rows))
    times = worker(2, 1, "exchange")
    rows = [[f"{int(size):,}", f"{1e6 * seconds:.0f} us"] for size, seconds in times.items()]
    print(table(["bytes", "sum over 2 ranks"], rows))


if __name__ == "__main__":
    main()
