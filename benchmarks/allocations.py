"""What a training step asks the system for once it has run a few times: it should be nothing.

    python -m benchmarks.allocations                 # all networks, 2 threads
    python -m benchmarks.allocations --threads 4 --networks VGG

Prints for each network, after a few steps:

- blocks that cnnlite's pool of large arrays had to get from the system in 10 steps;
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
from benchmarks.text import table
from benchmarks.workers import Cnnlite, batches
from cnnlite._ext import memory

WARM, STEPS = 4, 10  # steps before measuring, and measured


@dataclass(frozen=True)
class Steady:
    """What a step allocates; sizes in bytes."""

    blocks: int
    faults: float | None  # a step; None where the system does not say
    largest: int
    transient: int


def steady(step: Callable[[], object]) -> Steady:
    """Take steps until nothing is new, then measure."""
    for _ in range(WARM):
        step()
    blocks, faults = memory.stats()["allocations"], page_faults()
    for _ in range(STEPS):
        step()
    blocks = memory.stats()["allocations"] - blocks
    after = page_faults()
    rate = None if faults is None or after is None else (after - faults) / STEPS
    largest, transient = _traced(step)
    return Steady(blocks, rate, largest, transient)


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
            name, str(found.blocks), "n/a" if found.faults is None else f"{found.faults:.1f}",
            f"{found.largest / 1000:.1f} kB", f"{found.transient / 1000:.0f} kB",
        ])  # fmt: skip
        worst = max(worst, found.largest, found.blocks * 2**20)
    header = ["a step, steady state", "new blocks", "page faults", "largest", "small objects"]
    print(table(header, rows))
    return int(worst > 64_000)


if __name__ == "__main__":
    sys.exit(main())
