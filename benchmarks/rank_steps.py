"""A training step on the ranks of `mpirun`, beside the prediction of `benchmarks.scale`.

    mpirun -n 2 python -m benchmarks.rank_steps
    python -m benchmarks.namespaces --gbits 0.3 -- python -m benchmarks.rank_steps --images 64

Each rank takes so many images of a batch, a shard. Before the training and after it all ranks
measure a step of their own at the same time, with nothing to exchange. Medians, on the first rank.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from typing import Any

import numpy as np
from mpi4py import MPI

from benchmarks.exchange import link
from benchmarks.networks import NETWORKS
from benchmarks.scale import CHOSEN, measured, step_seconds
from cnnlite import Solver
from cnnlite.callbacks import Callback
from cnnlite.optim import SGD

STEPS = 12


class Clock(Callback):
    """Notes when each step ends."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def after_step(self, solver: Any) -> None:
        self.times.append(time.perf_counter())


def main() -> None:
    """Measure what the command line names, and print a line for each network."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--network", choices=NETWORKS, action="append", help="instead of two")
    parser.add_argument("--images", type=int, default=64, help="of a rank in a step")
    asked = parser.parse_args()
    world, images = MPI.COMM_WORLD, asked.images
    between = link() if world.size > 1 else None
    batch = images * world.size
    X = np.random.default_rng(0).integers(0, 256, (batch * STEPS, 3, 32, 32), dtype=np.uint8)
    data = {
        "X_train": X,
        "y_train": np.arange(len(X)) % 10,
        "X_val": X[:10],
        "y_val": np.arange(10),
    }
    for name in asked.network or CHOSEN[:2]:
        world.Barrier()
        before = measured(name, images, None)
        clock = Clock()
        solver = Solver(
            NETWORKS[name].make(rng=0), data, optimizer=SGD(1e-3, momentum=0.9), batch_size=batch,
            shards=world.size, num_epochs=1, num_train_samples=batch, callbacks=[clock],
            verbose=False,
        )  # fmt: skip
        world.Barrier()
        solver.train()
        world.Barrier()
        after = measured(name, images, None)
        work = replace(before, seconds=(before.seconds + after.seconds) / 2)
        step = statistics.median(np.diff(clock.times[1:]))
        said = step_seconds(work, images, world.size, between) if between else work.seconds * images
        if world.rank == 0:
            speed = f", {8e-9 * between.bandwidth:.2f} Gbit/s" if between else ""
            print(
                f"{name}, {world.size} ranks of {images} images{speed}: alone "
                f"{1e3 * images * work.seconds:.0f} ms, step {1e3 * step:.0f} ms, "
                f"predicted {1e3 * said:.0f} ms, efficiency {images * work.seconds / step:.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
