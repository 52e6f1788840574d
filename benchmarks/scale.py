"""A model of a training on many machines: time per step, and the share of it that is work.

    python -m benchmarks.scale                           # measures a step here, and prints tables
    python -m benchmarks.scale --rate 60 --images 256    # of machines that reach 60 GFLOP/s
    python -m benchmarks.scale --latency 50e-6 --way halving

Each rank takes so many images a step; the gradients are added up over all ranks. A step takes
(docs/understand/scale.md says why):

    compute + what has not arrived when it ends + busy

compute is the rank's own passes. Backward, two thirds of it, fills buckets with gradients, the last
layers' first, and each travels as soon as it is full and the one before it has left. busy is what
the processor spends on messages, during which it computes nothing.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from benchmarks.networks import IMAGE, NETWORKS, step_flops
from benchmarks.text import table
from cnnlite import get_num_threads
from cnnlite.layers import Sequential
from cnnlite.losses import CrossEntropyLoss
from cnnlite.optim import SGD

BACKWARD = 2 / 3  # of a step's passes
MOST = 2**20  # bytes of gradients that travel together
SMALL = 2**16  # bytes of a bucket that each rank adds up by itself
RANKS = (2, 4, 16, 64, 256)
GBITS = (1, 10, 100)
CHOSEN = ("VGG, batch-norm", "ResNet-20", "airbench 64/256/256")


@dataclass(frozen=True)
class Link:
    """A network: what a message costs, and a byte.

    Fields:
        latency: seconds from one machine to another.
        bandwidth: bytes a second that a machine sends, while it receives as many.
        message: seconds that the processor spends on sending or receiving a message.
        byte: seconds that it spends on each byte.
    """

    latency: float = 50e-6
    bandwidth: float = 125e6
    message: float = 10e-6
    byte: float = 0.25e-9


class Bucket(NamedTuple):
    """Gradients that travel together: their bytes, and the share of backward that gives them."""

    nbytes: int
    ready: float


@dataclass(frozen=True)
class Work:
    """A network's training: its gradients, the operations of an image's step, and their time."""

    name: str
    buckets: tuple[Bucket, ...]  # float32, in the order in which they are ready
    flops: float  # of one image, forwards and backwards
    seconds: float  # of one image

    @property
    def nbytes(self) -> int:
        """Bytes that are added up over the ranks."""
        return sum(bucket.nbytes for bucket in self.buckets)


@dataclass(frozen=True)
class Exchange:
    """What adding up a bucket over all ranks takes of each of them.

    Fields:
        rounds: times that a message waits for one before it.
        messages: that a rank sends, and as many that it receives.
        nbytes: that it sends, and as many that it receives.
    """

    rounds: int
    messages: int
    nbytes: float

    def busy(self, link: Link) -> float:
        """Return the seconds of the processor."""
        return 2 * (self.messages * link.message + self.nbytes * link.byte)

    def travels(self, link: Link) -> float:
        """Return the seconds during which nothing else can travel."""
        return max(self.nbytes / link.bandwidth, self.busy(link))


def direct(nbytes: int, ranks: int) -> Exchange:
    """cnnlite's way: each rank adds up its part of a bucket, and tells the others the sum.

    Of two ranks, or of a small bucket, each adds up all.
    """
    others = ranks - 1
    if ranks == 2 or nbytes <= SMALL:
        return Exchange(1, others, others * nbytes)
    return Exchange(2, 2 * others, 2 * others / ranks * nbytes)


def halving(nbytes: int, ranks: int) -> Exchange:
    """Neighbours exchange halves, then pairs of neighbours quarters, ...; and back again.

    It adds in the order of the same binary tree, for ranks that are a power of two.
    """
    levels = math.ceil(math.log2(ranks))
    return Exchange(2 * levels, 2 * levels, 2 * (ranks - 1) / ranks * nbytes)


def ring(nbytes: int, ranks: int) -> Exchange:
    """Each rank has one neighbour to send to: sums go round, and round again when complete.

    The order of addition is another one in each part, and depends on the number of ranks.
    """
    others = ranks - 1
    return Exchange(2 * others, 2 * others, 2 * others / ranks * nbytes)


def tree(nbytes: int, ranks: int) -> Exchange:
    """All of it up the tree, and down again: what the rank at the root has to do."""
    levels = math.ceil(math.log2(ranks))
    return Exchange(2 * levels, 2 * levels, 2 * levels * nbytes)


WAYS: dict[str, Callable[[int, int], Exchange]] = {
    way.__name__: way for way in (direct, halving, ring, tree)
}


def exchange_seconds(
    buckets: Sequence[Bucket], ranks: int, link: Link, way: str = "direct", backward: float = 0
) -> float:
    """Return the time from the begin of backward, which takes so long, until all sums are there."""
    free = arrived = 0.0
    for nbytes, ready in buckets:
        exchange = WAYS[way](nbytes, ranks)
        free = max(free, ready * backward) + exchange.travels(link)
        arrived = free + exchange.rounds * link.latency
    return arrived


def step_seconds(
    work: Work, images: int, ranks: int, link: Link, way: str = "direct", local: int = 1
) -> float:
    """Return the seconds of a step in which each rank takes `images` images.

    Args:
        work: the network.
        images: of each rank.
        ranks: how many.
        link: what is between them.
        way: how gradients are added up.
        local: steps that each rank takes before anything is exchanged (local SGD).
    """
    compute = images * work.seconds
    if ranks == 1:
        return compute
    backward = BACKWARD * compute
    waits = max(0, exchange_seconds(work.buckets, ranks, link, way, backward) - backward)
    busy = sum(WAYS[way](bucket.nbytes, ranks).busy(link) for bucket in work.buckets)
    return compute + (waits + busy) / local


def efficiency(
    work: Work, images: int, ranks: int, link: Link, way: str = "direct", local: int = 1
) -> float:
    """Return the share of a step that one machine alone would need for its part of it."""
    return images * work.seconds / step_seconds(work, images, ranks, link, way, local)


def images_for(work: Work, share: float, ranks: int, link: Link, way: str = "direct") -> int:
    """Return the fewest images of a rank with which the efficiency is at least `share`."""
    low, high = 0, 1
    while efficiency(work, high, ranks, link, way) < share:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if efficiency(work, middle, ranks, link, way) < share:
            low = middle
        else:
            high = middle
    return high


def buckets_of(model: Sequential) -> tuple[Bucket, ...]:
    """Return a network's gradients in buckets, each ready when backward is through its layers."""
    rows = model.summary(IMAGE).rows
    total, done, size = sum(row.multiply_adds for row in rows), 0, 0
    found = []
    for row in reversed(rows):
        nbytes = 4 * row.params
        if size and size + nbytes > MOST:
            found.append(Bucket(size, done / total))
            size = 0
        size, done = size + nbytes, done + row.multiply_adds
    return (*found, Bucket(size, 1.0))


def measured(name: str, images: int, rate: float | None) -> Work:
    """Return a network's work, its time measured here, or from a rate in operations a second."""
    network = replace(NETWORKS[name], batch=images)
    flops = step_flops(network) / images
    model = network.make(rng=0)
    buckets = buckets_of(model)
    if rate:
        return Work(name, buckets, flops, flops / rate)
    rng, loss, optimizer = np.random.default_rng(0), CrossEntropyLoss(), SGD(1e-3, momentum=0.9)
    x = rng.standard_normal((images, 3, 32, 32), np.float32)
    y = rng.integers(0, 10, images)
    times = []
    for _ in range(8):
        start = time.perf_counter()
        scores, cache = model.forward(x, rng=0)
        _, loss_cache = loss.forward(scores, y)
        _, grads = model.backward(loss.backward(loss_cache), cache, need_dx=False)
        optimizer.step(model.params, grads)
        times.append(time.perf_counter() - start)
    return Work(name, buckets, flops, statistics.median(times[1:]) / images)


def report(works: list[Work], images: int, links: dict[str, Link], way: str) -> str:
    """Lay out the tables: the networks, their efficiency, and what else could be done."""
    rows = [
        [
            work.name, f"{work.nbytes // 4:,}", f"{work.nbytes / 1e6:.2f}",
            f"{work.flops / 1e6:.0f}", f"{1e3 * images * work.seconds:.0f}",
            f"{work.flops / work.seconds / 1e9:.0f}",
        ]
        for work in works
    ]  # fmt: skip
    head = ["network", "parameters", "MB exchanged", "MFLOP an image", "step, ms", "GFLOP/s"]
    parts = [f"{images} images a rank and step", table(head, rows)]
    for title, value in (
        (
            f"efficiency, {way}",
            lambda work, ranks, link: f"{efficiency(work, images, ranks, link, way):.0%}",
        ),
        (
            f"images a rank for 90%, {way}",
            lambda work, ranks, link: f"{images_for(work, 0.9, ranks, link, way):,}",
        ),
    ):
        rows = [
            [f"{work.name}, {name}", *(value(work, ranks, link) for ranks in RANKS)]
            for work in works
            for name, link in links.items()
        ]
        parts.append(table([title, *(f"{ranks} ranks" for ranks in RANKS)], rows))
    most = RANKS[-1]
    rows = [
        [
            f"{work.name}, {name}",
            *(f"{efficiency(work, images, most, link, other):.0%}" for other in WAYS),
            f"{efficiency(work, images, most, link, 'halving', 8):.0%}",
        ]
        for work in works
        for name, link in links.items()
    ]
    parts.append(table([f"efficiency, {most} ranks", *WAYS, "halving, every 8th step"], rows))
    return "\n\n".join(parts)


def main() -> None:
    """Print what the command line asks for."""
    usual = Link()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--network", choices=NETWORKS, action="append", help="instead of three")
    parser.add_argument("--images", type=int, default=128, help="of a rank in a step")
    parser.add_argument("--rate", type=float, help="GFLOP/s of a machine, instead of measuring")
    parser.add_argument("--gbits", type=float, action="append", help="Gbit/s of the network")
    for name in ("latency", "message", "byte"):
        parser.add_argument(f"--{name}", type=float, default=getattr(usual, name), help="seconds")
    parser.add_argument("--way", choices=WAYS, default="direct")
    asked = parser.parse_args()
    rate = asked.rate and 1e9 * asked.rate
    works = [measured(name, asked.images, rate) for name in asked.network or CHOSEN]
    links = {
        f"{gbits:g} Gbit/s": Link(asked.latency, gbits * 1e9 / 8, asked.message, asked.byte)
        for gbits in asked.gbits or GBITS
    }
    where = f"of a rate of {asked.rate:g} GFLOP/s" if rate else f"{get_num_threads()} threads here"
    print(f"steps: {where}; latency {1e6 * asked.latency:g} us, {1e6 * asked.message:g} us of the ")
    print(f"processor for a message and {1e9 * asked.byte:g} ns for a byte\n")
    print(report(works, asked.images, links, asked.way))


if __name__ == "__main__":
    main()
