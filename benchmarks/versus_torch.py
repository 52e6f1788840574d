"""cnnlite beside PyTorch: training steps of the zoo's networks, taken in turns in one run.

    python -m benchmarks.versus_torch                              # three_layer_convnet, all cores
    python -m benchmarks.versus_torch --threads 2 --network small_vgg resnet20
    python -m benchmarks.versus_torch --rounds 2 --steps 2         # a short look

Each side is a process of its own with the same number of threads, the same weights, batch and
optimizer. They take turns, so that a change in the machine's mood meets them all; the median round
counts. PyTorch runs in both of its memory orders, and the ratio is to the better one. The losses of
the first steps are compared, so that both sides are known to compute the same thing.
"""  # fmt: skip

import argparse
import multiprocessing
import os
import platform
import statistics
from dataclasses import dataclass

from benchmarks.workers import SIDES, work
from cnnlite import get_num_threads

COMPARED_STEPS = 5  # how many losses are compared; later ones drift apart as rounding adds up


@dataclass(frozen=True)
class Result:
    """What one side did: seconds a step of each round, and its first losses."""

    seconds: list[float]
    losses: list[float]


def compare(
    network: str, threads: int, batch_size: int, rounds: int, steps: int
) -> dict[str, Result]:
    """Time all sides on one network, in turns.

    Args:
        network: a key of `cnnlite.models.MODELS`.
        threads: threads of each side.
        batch_size: images a step.
        rounds: turns of each side.
        steps: steps in a turn.

    Returns:
        A Result for each side.
    """
    spawn = multiprocessing.get_context("spawn")
    pipes, workers = {}, []
    for side in SIDES:
        pipes[side], theirs = spawn.Pipe()
        arguments = (side, network, threads, batch_size, theirs)
        workers.append(spawn.Process(target=work, args=arguments, daemon=True))
        workers[-1].start()
        theirs.close()  # so that a worker that dies is an EOFError here, not a wait for ever

    results = {}
    for side, pipe in pipes.items():  # the first steps warm up: memory, threads, kernels
        pipe.send(COMPARED_STEPS)
        results[side] = Result([], pipe.recv()[0])
    for _ in range(rounds):
        for side, pipe in pipes.items():
            pipe.send(steps)
            results[side].seconds.append(pipe.recv()[1] / steps)
    for pipe, worker in zip(pipes.values(), workers, strict=True):
        pipe.send(0)
        worker.join()
    return results


def report(network: str, results: dict[str, Result], batch_size: int) -> None:
    """Print a network's rows: side, ms a step, images/s, ratio to PyTorch's better order."""
    medians = {side: statistics.median(result.seconds) for side, result in results.items()}
    best_torch = min(seconds for side, seconds in medians.items() if side != "cnnlite")
    for side, seconds in medians.items():
        ratio = f"{best_torch / seconds:7.2f}x" if side == "cnnlite" else ""
        mark = "*" if seconds == best_torch else " "
        print(
            f"{network:22} {side:11}{mark} {1e3 * seconds:9.2f} "
            f"{batch_size / seconds:10.0f} {ratio}"
        )
    ours = results["cnnlite"].losses
    difference = max(
        abs(a - b) / abs(b)
        for side, result in results.items()
        for a, b in zip(ours, result.losses, strict=True)
    )
    print(f"{'':22} losses of the first {len(ours)} steps agree within {difference:.1e} (relative)")


def main() -> None:
    """Read the command line, run the comparison, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", nargs="+", default=["three_layer_convnet"])
    parser.add_argument("--threads", type=int, default=get_num_threads())
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=5)
    arguments = parser.parse_args()

    # Read by every thread library when it loads, so before a worker starts.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    os.environ["CNNLITE_NUM_THREADS"] = str(arguments.threads)

    print(
        f"batch {arguments.batch_size}, {arguments.threads} threads, "
        f"{platform.machine()} {platform.system()}"
    )
    print(f"{'network':22} {'side':12} {'ms/step':>9} {'images/s':>10}  cnnlite/torch's best (*)")
    for network in arguments.network:
        results = compare(
            network, arguments.threads, arguments.batch_size, arguments.rounds, arguments.steps
        )
        report(network, results, arguments.batch_size)


if __name__ == "__main__":
    main()
