"""Where the table of `cnnlite/functional/conv/choice.py` does not take the fastest rung.

    python -m benchmarks.choice                            # 2 threads, a few minutes
    python -m benchmarks.choice --threads 4 --batch 1 --slack 1.2

Measures `tiled` and `winograd` for 3x3 kernels with stride 1 over a grid of channels and image
sizes, each pass alone, in turns, and lists the cases where "auto" takes the slower one by more than
the slack. The table is changed by hand, from what several machines print here.
"""

import argparse
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
    for channels, filters, size in product(CHANNELS, CHANNELS, SIZES):
        layer = Conv("", channels, size, filters, 3, 1, batch=arguments.batch)
        if layer.flops > MOST_FLOPS:
            continue
        rates = measure(layer, ["tiled", "winograd"], arguments.rounds)
        for number, (name, taken) in enumerate(zip(PASSES, _taken(layer), strict=True)):
            cases += 1
            fastest = max(rates, key=lambda rung: rates[rung][number])
            loss = rates[fastest][number] / rates[taken][number]
            if loss > arguments.slack:
                rows.append([
                    f"{channels}-{filters} @{size}", name, taken, fastest, f"{loss:.2f}"
                ])  # fmt: skip
    print(table(["layer", "pass", "taken", "faster", "times"], rows))
    print(f"{len(rows)} of {cases} cases, {arguments.threads} threads, batch {arguments.batch}")


def _taken(layer: Conv) -> tuple[str, str, str]:
    """The rung that "auto" stands for in each pass."""
    x, weight, _ = layer.arrays()
    return choose(conv2d_forward(x, weight, None, 1, 1)[1].geometry)


if __name__ == "__main__":
    main()
