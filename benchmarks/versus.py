"""cnnlite beside PyTorch: training steps and predictions of networks, in turns, in one run.

    python -m benchmarks.versus                                  # all networks; 1, 2 and 4 threads
    python -m benchmarks.versus --threads 2 --networks VGG ResNet-20
    python -m benchmarks.versus --quick                          # a short look

Each side is a process of its own with the same number of threads, first weights and batches:
cnnlite; cnnlite with every convolution on the classic rung im2col; PyTorch in the order NCHW, in
channels_last (NHWC), and after torch.compile; and NumPy's sgemm, the machine's own rate. They take
turns, A B C A B C, so that a change in the machine's mood meets them all, and the median counts. A
turn begins with a rest, in which the threads of the side before stop spinning, and an untimed step.
Ratios are to the fastest mode of PyTorch, which * marks. Before they are believed, the losses of 20
steps in float64 must agree (relative 1e-8); those in float32 are reported.

GFLOP/s count the multiplications of the definition; memory is the peak that is resident, above
what imports, data and a step on two images have left.

The first run on a machine also compiles for torch.compile, which takes minutes and is kept in
PyTorch's cache.
"""  # fmt: skip

import argparse
import importlib.util
import json
import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks import report
from benchmarks.networks import NETWORKS
from benchmarks.turns import Measured, Sides, measure

QUICK = ("vanilla CNN", "VGG")
LOSS_LIMIT = 1e-8  # relative, float64


def main() -> int:
    """Measure, print; 1 if losses disagree."""
    arguments = _arguments()
    if importlib.util.find_spec("torch") is None:
        sys.exit('benchmarks.versus needs PyTorch: pip install "cnnlite[torch]"')
    sides = ["cnnlite", "im2col", "NCHW", "NHWC", "compiled", "sgemm"]
    if arguments.no_compile or arguments.quick:
        sides.remove("compiled")
    else:
        _compile(arguments.networks, arguments.threads)

    print(
        f"{platform.machine()} {platform.system()}, {os.cpu_count()} CPUs, "
        f"NumPy {np.__version__}, float32"
    )
    results: list[Measured] = []
    for threads in arguments.threads:
        for network in arguments.networks:
            _say(f"{network}, {threads} threads")
            compare = threads == arguments.threads[0]
            results.append(measure(network, threads, sides, arguments.seconds, compare))
        here = [result for result in results if result.threads == threads]
        print(f"\n## {threads} thread{'s'[: threads > 1]}\n\n{report.training(here)}\n")
        print(f"{report.inference(here)}\n", flush=True)
    if len(arguments.threads) > 1:
        print(f"## Threads: times as fast as with {arguments.threads[0]}\n")
        print(f"{report.scaling(results)}\n")
    print(
        f"## Losses of 20 steps: largest relative difference to PyTorch\n\n{report.losses(results)}"
    )
    for reason in sorted({reason for result in results for reason in result.missing.values()}):
        print(f"n/a: {reason}")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=1))
    differences = [result.differences["float64"] for result in results if result.differences]
    return int(max(differences, default=0.0) > LOSS_LIMIT)


def _compile(networks: list[str], threads: list[int]) -> None:
    """Fill PyTorch's cache of compiled kernels, as many networks at a time as there are CPUs."""

    def one(job: tuple[str, int]) -> None:
        with Sides(*job, ["compiled"]) as sides:
            sides.ask_all("prepare")

    _say("torch.compile: filling its cache (minutes when it is empty)")
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(one, [(network, n) for n in threads for network in networks]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--seconds", type=float, default=5, help="timing of a network")
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile")
    parser.add_argument("--quick", action="store_true", help="two networks, 2 threads, no compile")
    parser.add_argument("--json", type=Path, help="write all that was measured to this file")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.networks, arguments.threads, arguments.seconds = list(QUICK), [2], 1
    return arguments


def _say(text: str) -> None:
    """Progress, apart from the results."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
