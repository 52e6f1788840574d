"""Python's share of a training step and of one image's inference, beside another checkout's.

    python -m benchmarks.overhead OTHER                    # ResNet-20
    python -m benchmarks.overhead OTHER --rounds 40

Python's share is what a step takes besides its kernels. It hardly depends on the sizes of arrays,
so the images are tiny, 8x8, and a step has two of them. The kernels of one step are written down,
with the arrays that they are given, and called again one after the other: the time of that, with
the bindings that check a kernel's arguments, is subtracted from the time of the step. All times
are of the processor, on one thread; trees take turns as in `benchmarks.trees`, and the medians of
the rounds are given.
"""

import argparse
import statistics
from pathlib import Path

from benchmarks.trees import Tree, summary

SIZE = 8  # pixels along a side of an image
COLUMNS = ("step", "kernels", "Python", "one image", "kernels", "Python")

# What runs in each tree; it answers each line with four times in microseconds.
WORKER = f"""
import sys, time
from benchmarks.networks import NETWORKS
from benchmarks.workers import SIDES
try:
    from cnnlite.backend import kernels
except ImportError:  # where it stood until November 2026
    from cnnlite._backend import kernels

def calls_of(work):
    calls, plain = [], dict(vars(kernels))
    def noting(kernel):
        def call(*args, **options):
            calls.append((kernel, args, options))
            return kernel(*args, **options)
        return call
    for name, kernel in plain.items():
        if callable(kernel) and not name.startswith("_"):
            setattr(kernels, name, noting(kernel))
    work()
    for name, kernel in plain.items():
        setattr(kernels, name, kernel)
    return calls

def time_of(work, times):
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1e6

side = SIDES["cnnlite"](NETWORKS[sys.argv[1]], int(sys.argv[2]))
side.data = [(x[:2, :, :{SIZE}, :{SIZE}].copy(), labels[:2]) for x, labels in side.data]
side.prepare()
step, predict = (lambda: side.step(side.data[0])), side.predictors[1]
works = []
for work in (step, predict):
    calls = calls_of(work)
    def replay(calls=calls):
        for kernel, args, options in calls:
            kernel(*args, **options)
    works += [work, replay]
print("ready", flush=True)
for line in sys.stdin:
    print(*(min(time_of(work, 10) for _ in range(5)) for work in works), flush=True)
"""


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--network", default="ResNet-20", help="one that takes images of any size")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    here = Path(__file__).resolve().parents[1]
    trees = [Tree(folder, WORKER, arguments.network, 1) for folder in (here, arguments.other)]
    rounds: dict[Tree, list[list[float]]] = {tree: [] for tree in trees}
    for number in range(arguments.rounds):
        for tree in trees if number % 2 else trees[::-1]:
            step, in_step, image, in_image = tree.measure()
            rounds[tree].append([step, in_step, step - in_step, image, in_image, image - in_image])
    print(f"{'microseconds':14}" + "".join(f"{name:>13}" for name in COLUMNS))
    for tree, name in zip(trees, ("this tree", "the other"), strict=True):
        tree.close()
        columns = map(statistics.median, zip(*rounds[tree], strict=True))
        print(f"{name:14}" + "".join(f"{value:13.0f}" for value in columns))
    for column, what in ((2, "a step"), (5, "one image")):
        ours, theirs = ([measured[column] for measured in rounds[tree]] for tree in trees)
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        print(f"Python's share of {what}, this tree to the other: {summary(ratios)}")


if __name__ == "__main__":
    main()
