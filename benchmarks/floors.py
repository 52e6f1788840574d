"""How near each network's forward and backward pass is to a roofline of the machine.

    python -m benchmarks.floors                     # all networks, all cores
    python -m benchmarks.floors --networks ResNet-20 --threads 1 --steps 10

The floor of a pass of a layer is the longer of its arithmetic at the rate of NumPy's sgemm and of
its arrays, each read or written once, at the rate of memory: a roofline.  Arithmetic is that of the
best algorithm here: a quarter of the definition's for kernels of 3x3 and 7x7 with stride 1
(Winograd's F(4x4, 3x3), and F(4x4, 4x4) in four parts), the definition's for others.  Transforms
count as nothing, nor does Python.  It is a yardstick, not a strict bound: products faster than
NumPy's, and arrays that stay in a cache, can go below it.

Rates and times are measured in one run.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.networks import IMAGE, NETWORKS, Network
from benchmarks.text import table
from cnnlite import get_num_threads, set_num_threads
from cnnlite.layers import Conv2d, Layer
from cnnlite.layers.profiling import Profile, ProfileRow
from cnnlite.rates import Limits, measure_limits

FEWER = {(3, 3): 4, (7, 7): 4}
"""How many times fewer multiplications Winograd needs."""

ROUNDS = 12  # of the rates' measurement: the first ones meet a processor that has slept


class Floor(NamedTuple):
    """A pass and its floor.

    Attributes:
        row: the pass, as `Layer.profile` measures it.
        arithmetic, memory: milliseconds of both at the machine's rates.
    """

    row: ProfileRow
    arithmetic: float
    memory: float

    @property
    def least(self) -> float:
        """The longer of the two, in milliseconds."""
        return max(self.arithmetic, self.memory)


def floors(found: Profile, model: Layer) -> list[Floor]:
    """Return the floor of each pass that has arithmetic or arrays."""
    layers = {path.rstrip("."): layer for path, layer in model.leaves()}
    result = []
    for row in found.rows:
        if row.gflops is None and row.gb is None:
            continue
        fewer = _fewer(layers.get(row.path.split(",")[0].strip()))
        arithmetic = row.ms * (row.gflops or 0.0) / found.limits.gflops / fewer
        result.append(Floor(row, arithmetic, 1e3 * (row.gb or 0.0) / found.limits.gbytes))
    return result


def _fewer(layer: Layer | None) -> int:
    if not isinstance(layer, Conv2d) or (layer.stride, layer.dilation) != ((1, 1), (1, 1)):
        return 1
    return FEWER.get(layer.kernel_size, 1)


def measured(network: Network, steps: int, limits: Limits) -> tuple[list[str], list[str]]:
    """Return a network's line of the table, and lines of the passes that lose most."""
    model = network.make(rng=0)
    x = np.random.default_rng(0).standard_normal((network.batch, *IMAGE)).astype(np.float32)
    found = model.profile(x, steps=steps, limits=limits)
    passes = floors(found, model)
    least = sum(floor.least for floor in passes)
    line = [
        network.name,
        f"{found.ms:.1f}",
        f"{sum(floor.arithmetic for floor in passes):.1f}",
        f"{sum(floor.memory for floor in passes):.1f}",
        f"{least:.1f}",
        f"{least / found.ms:.0%}",
    ]
    passes.sort(key=lambda floor: floor.least - floor.row.ms)
    lost = [
        f"{network.name}, {floor.row.direction}, {floor.row.path} ({floor.row.layer}): "
        f"{floor.row.ms:.1f} ms, floor {floor.least:.1f}"
        for floor in passes[:3]
    ]
    return line, lost


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--threads", type=int, default=get_num_threads())
    parser.add_argument("--steps", type=int, default=7, help="of which the median counts")
    arguments = parser.parse_args(words)
    set_num_threads(arguments.threads)
    limits = measure_limits(ROUNDS)
    found = [measured(NETWORKS[name], arguments.steps, limits) for name in arguments.networks]
    heads = ["ms, both passes", "cnnlite", "arithmetic", "memory", "floor", "floor / time"]
    print(table(heads, [line for line, _ in found]))
    print(
        f"\n{limits.threads} threads: sgemm {limits.gflops:.0f} GFLOP/s, "
        f"memory {limits.gbytes:.1f} GB/s"
    )
    print("\nWhat is farthest from its floor:\n")
    print("\n".join(f"- {text}" for _, lost in found for text in lost))


if __name__ == "__main__":
    main()
