"""Training steps of this tree beside those of another checkout, in turns, in one run.

    python -m benchmarks.trees OTHER                       # all networks, 2 threads
    python -m benchmarks.trees OTHER --networks VGG --threads 1 --rounds 40

OTHER is a folder with another version whose kernels are built in place. Each tree is a process of
its own; they take turns, A B B A, and the median of the rounds' ratios counts, with its quartiles.
A ratio above 1 says that this tree takes longer. Processor time, which other programs disturb less
than the clock, is given beside the time by the clock; the last column is a single image's
inference.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

NETWORKS = ("vanilla CNN", "three-layer ConvNet", "VGG", "VGG, batch-norm", "ResNet-20",
            "airbench 64/256/256")  # fmt: skip
TURN = 0.25  # seconds that a tree works before the other does

# What runs in each tree, with that tree's own benchmarks: it answers each line with seconds of a
# step by the clock and of processors, and of one image.
WORKER = f"""
import sys, time
from benchmarks.networks import NETWORKS
from benchmarks.workers import SIDES
side = SIDES["cnnlite"](NETWORKS[sys.argv[1]], int(sys.argv[2]))
side.prepare()
single = max(side.train(2), 1e-6)
steps = max(1, round({TURN} / single))
calls = max(3, round({TURN} / 5 / max(side.predict(1, 3), 1e-6)))
print("ready", flush=True)
for line in sys.stdin:
    cpu = time.process_time()
    wall = side.train(steps)
    cpu = (time.process_time() - cpu) / (steps + 1)
    print(wall, cpu, side.predict(1, calls), flush=True)
"""


class Tree:
    """A checkout's process, which runs `worker`: it answers each line with numbers."""

    def __init__(self, folder: Path, worker: str, network: str, threads: int) -> None:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CNNLITE_NUM_THREADS")
        settings = {**dict.fromkeys(names, str(threads)), "PYTHONPATH": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", worker, network, str(threads)],
            cwd=folder,
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def measure(self) -> list[float]:
        """Return what the worker measures."""
        assert self.process.stdin is not None
        print("go", file=self.process.stdin, flush=True)
        return [float(word) for word in self._answer().split()]

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the process ended with status {self.process.wait()}")
        return line

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    print(f"{'':22}{'step, clock':>24}{'step, processors':>24}{'one image, clock':>24}")
    here = Path(__file__).resolve().parents[1]
    for network in arguments.networks:
        trees = [
            Tree(folder, WORKER, network, arguments.threads) for folder in (here, arguments.other)
        ]
        ratios: list[list[float]] = [[], [], []]
        for number in range(arguments.rounds):
            order = trees if number % 2 else trees[::-1]
            measured = {tree: tree.measure() for tree in order}
            for column in range(3):
                ratios[column].append(measured[trees[0]][column] / measured[trees[1]][column])
        for tree in trees:
            tree.close()
        print(f"{network:22}" + "".join(f"{summary(column):>24}" for column in ratios), flush=True)


def summary(ratios: list[float]) -> str:
    """The median of the ratios, and their quartiles."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
