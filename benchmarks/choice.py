"""Where the table of `cnnlite/functional/conv/choice.py` does not take the fastest rung.

    python -m benchmarks.choice                            # 2 threads, a few minutes
    python -m benchmarks.choice --threads 4 --batch 1 --slack 1.2

Measures 3x3 kernels over a grid of channels and image sizes: `tiled` and `winograd` with stride 1,
`tiled` and `depthwise` where every channel is a group, with 1, 4 and 16 filters each and strides 1
and 2. Each pass is alone, in turns, and the cases are listed where "auto" takes the slower one by
more than the slack. The table is changed by hand, from what several machines print here.
"""

import argparse
from collections.abc import Iterator
from itertools import product

import cnnlite
from benchmarks.text import table
from cnnlite.cli.ladder import PASSES, Conv, measure
from cnnlite.functional import conv2d_forward
from cnnlite.functional.conv.choice import choose

CHANNELS = (1, 3, 8, 12, 16, 24, 32, 64, 128, 256)
SIZES = (4, 7, 8, 14, 16, 32, 56)
MOST_FLOPS = 4e9  # more than that teaches nothing new


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--slack", type=float, default=1.1, help="times slower than the fastest")
    arguments = parser.parse_args()
    cnnlite.set_num_threads(arguments.threads)
    rows, cases = [], 0
    for layer in _layers(arguments.batch):
        if layer.flops > MOST_FLOPS:
            continue
        rungs = ["tiled", "winograd" if layer.groups == 1 else "depthwise"]
        rates = measure(layer, rungs, arguments.rounds)
        for number, (name, taken) in enumerate(zip(PASSES, _taken(layer), strict=True)):
            cases += 1
            fastest = max(rates, key=lambda rung: rates[rung][number])
            loss = rates[fastest][number] / rates[taken][number]
            if loss > arguments.slack:
                rows.append([
                    f"{layer.channels}-{layer.filters} @{layer.size}/{layer.stride} {rungs[1]}",
                    name, taken, fastest, f"{loss:.2f}",
                ])  # fmt: skip
    print(table(["layer", "pass", "taken", "faster", "times"], rows))
    print(f"{len(rows)} of {cases} cases, {arguments.threads} threads, batch {arguments.batch}")


def _layers(batch: int) -> Iterator[Conv]:
    """Yield what is measured."""
    for channels, filters, size in product(CHANNELS, CHANNELS, SIZES):
        yield Conv("", channels, size, filters, 3, 1, batch=batch)
    for channels, times, size, stride in product(CHANNELS[2:], (1, 4, 16), SIZES, (1, 2)):
        yield Conv("", channels, size, channels * times, 3, 1, stride, batch, groups=channels)


def _taken(layer: Conv) -> tuple[str, str, str]:
    """The rung that "auto" stands for in each pass."""
    x, weight, _ = layer.arrays()
    return choose(conv2d_forward(x, weight, None, layer.stride, 1, groups=layer.groups)[1].geometry)


if __name__ == "__main__":
    main()
