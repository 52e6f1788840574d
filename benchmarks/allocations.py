"""A training step's memory, and what it asks the system for after a few: it should be nothing.

    python -m benchmarks.allocations                 # all networks, 2 threads
    python -m benchmarks.allocations --threads 4 --networks VGG

Prints for each network, after a few steps:

- what the forward pass keeps for the backward pass: no step could do with less;
- the memory of cnnlite's pool of large arrays, with gradients, kernels' working memory, and gaps;
- blocks that the pool had to get from the system in 10 steps;
- page faults a step (Linux and macOS), the operating system's own count of fresh memory;
- the largest rise of what Python and NumPy allocate between two calls or returns of a function,
  with what is given back before the next one: no single allocation is larger;
- that of a whole step, which is many small objects at once.
"""

import argparse
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import numpy as np

import cnnlite
from benchmarks.networks import NETWORKS, Network
from benchmarks.sides import batches
from benchmarks.text import table
from benchmarks.workers import Cnnlite
from cnnlite._ext import memory

WARM, STEPS = 4, 10  # steps before measuring, and measured


@dataclass(frozen=True)
class Steady:
    """What a step allocates; sizes in bytes."""

    pool: int  # lent since the steps began, or waiting
    blocks: int
    faults: float | None  # a step; None where the system does not say
    largest: int
    transient: int


def steady(step: Callable[[], object]) -> Steady:
    """Take steps until nothing is new, then measure."""
    memory.trim()  # what others have left
    others = memory.stats()["in_use"]
    for _ in range(WARM):
        step()
    stats, faults = memory.stats(), page_faults()
    for _ in range(STEPS):
        step()
    blocks = memory.stats()["allocations"] - stats["allocations"]
    after = page_faults()
    rate = None if faults is None or after is None else (after - faults) / STEPS
    largest, transient = _traced(step)
    return Steady(stats["held"] + stats["in_use"] - others, blocks, rate, largest, transient)


def page_faults() -> int | None:
    """Return how often this process has touched fresh memory so far."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def trainer(network: Network, images: int) -> Callable[[], object]:
    """Return a function that takes a training step, as in the comparison with PyTorch."""
    step = Cnnlite(network, cnnlite.get_num_threads()).trainer(np.float32)
    (batch,) = batches(images, 1)
    return lambda: step(batch)


def kept(network: Network, images: int) -> int:
    """Return how many bytes of the pool a forward pass leaves in use."""
    model = network.make(rng=0)
    ((x, _),) = batches(images, 1)
    model.forward(x)  # now the threads have the working memory that they keep
    before = memory.stats()["in_use"]
    _y, _cache = model.forward(x)
    return memory.stats()["in_use"] - before


def _traced(step: Callable[[], object]) -> tuple[int, int]:
    """The largest rise of traced memory between two events of a step, and over the step."""
    tracemalloc.start()
    step()
    start, _ = tracemalloc.get_traced_memory()
    largest, before, highest = 0, start, start

    def event(_frame: FrameType, _kind: str, _argument: object) -> None:
        nonlocal largest, before, highest
        now, peak = tracemalloc.get_traced_memory()
        largest, highest = max(largest, peak - before), max(highest, peak)
        before = now
        tracemalloc.reset_peak()

    tracemalloc.reset_peak()
    sys.setprofile(event)
    try:
        step()
    finally:
        sys.setprofile(None)
        tracemalloc.stop()
    return largest, highest - start


def main() -> int:
    """Measure, print; 1 if a step allocates anything above 64 kB."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    cnnlite.set_num_threads(arguments.threads)
    rows, worst = [], 0
    for name in arguments.networks:
        found = steady(trainer(NETWORKS[name], NETWORKS[name].batch))
        rows.append([
            name, f"{kept(NETWORKS[name], NETWORKS[name].batch) / 1e6:.1f} MB",
            f"{found.pool / 1e6:.1f} MB", str(found.blocks),
            "n/a" if found.faults is None else f"{found.faults:.1f}",
            f"{found.largest / 1000:.1f} kB", f"{found.transient / 1000:.0f} kB",
        ])  # fmt: skip
        worst = max(worst, found.largest, found.blocks * 2**20)
    header = [
        "a step, steady state", "kept", "pool", "new blocks", "page faults", "largest",
        "small objects",
    ]  # fmt: skip
    print(table(header, rows))
    return int(worst > 64_000)


if __name__ == "__main__":
    sys.exit(main())
