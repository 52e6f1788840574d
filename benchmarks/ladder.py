"""The ladder of convolution: every rung on the layers of the networks, beside the machine's limits.

    python -m benchmarks.ladder                 # one thread
    python -m benchmarks.ladder --threads 4 --rounds 20 --layers vgg.conv2 pointwise

Prints GFLOP/s of the forward pass, the input gradient and the weight gradient, and of all three
together. They count the multiplications of the definition, so Winograd, which does fewer, can pass
the limit. Beside the three together are their shares of

- sgemm: NumPy's float32 product of two 2048x2048 matrices with as many threads;
- the roofline: the fastest product this machine has shown (NumPy's or cnnlite's), or what memory
  leaves of it if every array is read or written once.

The error is the largest of the three passes against float64. Rungs take turns; medians count.
"""

import argparse

import numpy as np

import cnnlite
from benchmarks.shapes import CONVOLUTIONS
from benchmarks.text import table
from cnnlite import rates
from cnnlite.cli import ladder


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [layer.name for layer in CONVOLUTIONS]
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--layers", nargs="+", choices=names, default=names)
    parser.add_argument("--rungs", nargs="+", default=["im2col", "tiled", "winograd", "depthwise"])
    arguments = parser.parse_args()
    cnnlite.set_num_threads(arguments.threads)
    sgemm = rates.sgemm_rate(arguments.threads, arguments.rounds)
    product = rates.product_rate(arguments.rounds)
    memory = rates.memory_rate(arguments.rounds)
    print(
        f"{arguments.threads} threads; sgemm {sgemm:.0f} GFLOP/s, cnnlite's product {product:.0f} "
        f"GFLOP/s, memory {memory:.0f} GB/s"
    )
    rows = []
    for layer in CONVOLUTIONS:
        if layer.name not in arguments.layers:
            continue
        limit = ladder.roofline(layer, max(sgemm, product), memory)
        rungs = [rung for rung in ladder.rungs_for(layer) if rung in arguments.rungs]
        for rung, found in ladder.measure(layer, rungs, arguments.rounds).items():
            together = len(found) / float(np.sum(1 / np.array(found)))
            rows.append([
                f"{layer.name} {rung}", *(f"{rate:.0f}" for rate in [*found, together]),
                f"{together / sgemm:.0%}", f"{together / limit:.0%}",
                f"{ladder.error(layer, rung):.1e}",
            ])  # fmt: skip
    header = ["GFLOP/s", *ladder.PASSES, "together", "of sgemm", "of roofline", "error"]
    print(table(header, rows))


if __name__ == "__main__":
    main()
