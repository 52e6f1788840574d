"""A machine that is not all ours: training steps while another program uses one of the processors.

    python -m benchmarks.busy                           # VGG and ResNet-20, a thread for each CPU
    python -m benchmarks.busy --threads 2 --networks VGG

Prints the milliseconds of a training step, cnnlite's and PyTorch's (channels_last), alone and
beside a process that loops. The four take turns, and medians are printed.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.networks import NETWORKS
from benchmarks.text import table
from benchmarks.turns import TURN, Sides

ROUNDS = 7


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["VGG", "ResNet-20"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    names = ["cnnlite"] + ["NHWC"] * (importlib.util.find_spec("torch") is not None)
    rows = []
    for network in arguments.networks:
        times = measure(network, arguments.threads, names)
        for name in dict.fromkeys(name for name, _ in times):
            alone, beside = times[name, False], times[name, True]
            rows.append([
                network, {"NHWC": "PyTorch"}.get(name, name), f"{1e3 * alone:.1f}",
                f"{1e3 * beside:.1f}", f"{beside / alone:.2f}",
            ])  # fmt: skip
    header = ["ms a training step", "", "alone", "one CPU busy", "ratio"]
    print(f"{arguments.threads} threads, {os.cpu_count()} CPUs\n\n{table(header, rows)}")


def measure(network: str, threads: int, names: list[str]) -> dict[tuple[str, bool], float]:
    """Return the seconds of a step for each (side, whether a processor was busy)."""
    times: dict[tuple[str, bool], list[float]] = {}
    with Sides(network, threads, names) as sides:
        sides.ask_all("prepare")
        names = list(sides.pipes)  # without one that cannot run here
        steps = {name: max(1, round(TURN / sides.ask(name, "train", 1))) for name in names}
        for _ in range(ROUNDS):
            for name in names:
                times.setdefault((name, False), []).append(sides.ask(name, "train", steps[name]))
                with busy_processor():
                    seconds = sides.ask(name, "train", steps[name])
                times.setdefault((name, True), []).append(seconds)
    return {key: statistics.median(seconds) for key, seconds in times.items()}


@contextmanager
def busy_processor() -> Iterator[None]:
    """Another process loops as fast as it can, until the block ends."""
    code = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # now it has begun
        try:
            yield
        finally:
            process.kill()


if __name__ == "__main__":
    main()
