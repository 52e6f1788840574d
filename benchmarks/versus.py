"""cnnlite beside other frameworks: training steps and predictions, in turns, in one run.

    pip install "cnnlite[versus]"                                # PyTorch, ONNX Runtime, OpenVINO
    python -m benchmarks.versus                                  # all networks; 1, 2 and 4 threads
    python -m benchmarks.versus --threads 2 --networks VGG ResNet-20
    python -m benchmarks.versus --isa avx2                       # without AVX-512 on any side
    python -m benchmarks.versus --only predictions --threads 1   # frozen networks alone
    python -m benchmarks.versus --quick                          # a short look: float32, no compile

Each side is a process of its own with the same number of threads, first weights and batches:
cnnlite; cnnlite with recompute=True, which keeps less memory, and with multiply="bfloat16" (both
training only); cnnlite with every convolution on the classic rung im2col; PyTorch in the order
NCHW, in channels_last (NHWC), and after torch.compile, and in each of them under bfloat16 autocast
(bf16, training only); ONNX Runtime and OpenVINO (inference only, in float32); and NumPy's sgemm,
the machine's own rate. They take turns, A B C B C A, so that a change in the machine's mood meets
them all and none has a fixed place, and the median counts. A turn begins with a rest, in which the
threads of the side before stop spinning, and an untimed step.

The ratio of a training step is to the fastest float32 mode of PyTorch, that of a prediction to the
fastest of PyTorch and the runtimes; * marks it. Before ratios are believed, the losses of 20 steps
in float64 must agree (relative 1e-8; those in float32 are reported), and the scores of each
runtime (1e-4). ONNX Runtime cannot be told to leave AVX-512 alone, so it has no part in --isa avx2.

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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks import report
from benchmarks.networks import NETWORKS
from benchmarks.pytorch import BFLOAT16
from benchmarks.sides import PREDICTED
from benchmarks.turns import Measured, Sides, measure
from benchmarks.workers import PREDICTING, SIDES, TRAINING

STOPPED = 130  # the status of a program that Ctrl-C has ended
QUICK = ("vanilla CNN", "VGG")
LOSS_LIMIT, SCORE_LIMIT = 1e-8, 1e-4  # relative; of float64, of float32
NEEDS = {"onnxruntime": ("onnx", "onnxruntime"), "openvino": ("onnx", "openvino")}
AVX2 = {  # what keeps each library from AVX-512; read when it loads, in the processes of the sides
    "CNNLITE_ISA": "avx2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}


def main() -> int:
    """Measure, print, also what Ctrl-C leaves; 1 if losses or scores disagree."""
    arguments = read_arguments()
    if importlib.util.find_spec("torch") is None:
        sys.exit('benchmarks.versus needs PyTorch: pip install "cnnlite[versus]"')
    os.environ.update(AVX2 if arguments.isa == "avx2" else {})
    sides, left_out = sides_of(arguments)
    compiled = [name for name in sides if name.endswith("compiled")]
    if compiled:
        _compile(arguments.networks, arguments.threads, compiled)

    print(
        f"{platform.machine()} {platform.system()}, {os.cpu_count()} CPUs, "
        f"NumPy {np.__version__}, float32, {arguments.isa or 'all'} instructions"
    )
    results: list[Measured] = []
    stopped = False
    for threads in arguments.threads:
        here: list[Measured] = []
        try:
            for network in arguments.networks:
                _say(f"{network}, {threads} threads")
                compare = threads == arguments.threads[0]
                given = sides, arguments.seconds, compare, arguments.only
                here.append(measure(network, threads, *given))
        except KeyboardInterrupt:
            stopped = True
        results += here
        if here:
            print(f"\n## {threads} thread{'s'[: threads > 1]}\n")
            tables = [] if arguments.only == "predictions" else [report.training(here)]
            if arguments.only != "steps":
                tables += [report.inference(here, images) for images in PREDICTED]
            print("\n\n".join(tables) + "\n", flush=True)
        if stopped:
            break
    if not results:
        return STOPPED
    if len({result.threads for result in results}) > 1 and arguments.only != "predictions":
        print(f"## Threads: times as fast as with {arguments.threads[0]}\n")
        print(f"{report.scaling(results)}\n")
    print(
        "## Agreement: largest relative difference, of 20 steps' losses and of scores\n\n"
        f"{report.agreement(results)}"
    )
    failed = {reason for result in results for reason in result.missing.values()}
    for reason in sorted({*left_out, *failed}):
        print(f"n/a: {reason}")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=1))
    losses = [result.differences["float64"] for result in results if result.differences]
    scores = [value for result in results for value in result.scores.values()]
    wrong = max(losses, default=0.0) > LOSS_LIMIT or max(scores, default=0.0) > SCORE_LIMIT
    return STOPPED if stopped and not wrong else int(wrong)


def sides_of(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return who takes part, and why somebody does not."""
    sides, left_out = list(SIDES), []
    if arguments.no_compile or arguments.quick:
        sides = [name for name in sides if not name.endswith("compiled")]
    if arguments.quick:
        sides = [name for name in sides if name not in (*BFLOAT16, "bfloat16", "recompute")]
    if arguments.isa == "avx2":
        left_out += [f"{name}: it needs AVX-512 to be fast" for name in sides if name in BFLOAT16]
        left_out.append("onnxruntime: it cannot be told to leave AVX-512 alone")
        sides = [name for name in sides if name not in (*BFLOAT16, "bfloat16", "onnxruntime")]
    if arguments.only == "predictions":
        sides = [name for name in sides if name in PREDICTING]
    if arguments.only == "steps":
        sides = [name for name in sides if name in TRAINING]
    for name, packages in NEEDS.items():
        if name in sides and not all(map(importlib.util.find_spec, packages)):
            left_out.append(f'{name}: not installed (pip install "cnnlite[versus]")')
            sides.remove(name)
    return sides, left_out


def _compile(networks: list[str], threads: list[int], names: list[str]) -> None:
    """Fill PyTorch's cache of compiled kernels, as many networks at a time as there are CPUs."""

    def one(job: tuple[str, int]) -> None:
        with Sides(*job, names) as sides:
            sides.ask_all("prepare")

    _say("torch.compile: filling its cache (minutes when it is empty)")
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(one, [(network, n) for n in threads for network in networks]))


def read_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options in `words`, by default the command line's; one that is given counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, help="default: all of them")
    parser.add_argument("--threads", nargs="+", type=int, help="default: 1 2 4")
    parser.add_argument("--isa", choices=["avx2"], help="the instructions that all sides use")
    parser.add_argument("--seconds", type=float, help="timing of a network (default: 5)")
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="float32, no compile; two networks, 2 threads and 1 second if those are not given",
    )
    parser.add_argument(
        "--only", choices=["steps", "predictions"], help="of trainings, or of frozen networks"
    )
    parser.add_argument("--json", type=Path, help="write all that was measured to this file")
    parser.set_defaults(networks=list(NETWORKS), threads=[1, 2, 4], seconds=5)
    if parser.parse_args(words).quick:
        parser.set_defaults(networks=list(QUICK), threads=[2], seconds=1)
    return parser.parse_args(words)


def _say(text: str) -> None:
    """Progress, apart from the results."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
