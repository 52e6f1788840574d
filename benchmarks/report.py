"""The tables of the comparison."""

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.networks import NETWORKS, inference_flops, step_flops
from benchmarks.text import table
from benchmarks.turns import Measured
from benchmarks.workers import TORCH, Sgemm

SIDES = ("cnnlite", "im2col", *TORCH)


def training(results: Sequence[Measured]) -> str:
    """Milliseconds a step, ratio, rate and memory of each network, and means."""
    rows, ratios = [], []
    for result in results:
        ours, theirs = result.step["cnnlite"], _best(result.step)
        rate = step_flops(NETWORKS[result.network]) / ours / 1e9
        sgemm = Sgemm.flops / result.step["sgemm"] / 1e9
        memory = [result.memory[name] for name in TORCH if result.memory.get(name) is not None]
        mine = result.memory["cnnlite"]
        rows.append([
            result.network,
            *_milliseconds(result.step),
            f"{theirs / ours:.2f}",
            f"{rate:.0f}",
            f"{rate / sgemm:.0%}",
            _megabytes(mine),
            _megabytes(min(memory, default=None)),
            f"{mine / min(memory):.0%}" if mine and memory else "n/a",
        ])  # fmt: skip
        ratios.append(theirs / ours)
    rows.append(
        ["geometric mean", *[""] * 5, f"{statistics.geometric_mean(ratios):.2f}", *[""] * 5]
    )
    rates = [Sgemm.flops / result.step["sgemm"] / 1e9 for result in results]
    header = [
        "ms a training step", *SIDES, "ratio", "GFLOP/s", "of sgemm", "MB", "MB PyTorch", "share"
    ]  # fmt: skip
    return (
        f"{table(header, rows)}\n\nNumPy's sgemm: {statistics.median(rates):.0f} GFLOP/s. MB: peak "
        "resident; PyTorch's is that of the better of NCHW and NHWC."
    )


def inference(results: Sequence[Measured]) -> str:
    """Milliseconds a prediction."""
    rows, ratios = [], []
    for images in results[0].predict:
        for result in results:
            times = result.predict[images]
            ratios.append(_best(times) / times["cnnlite"])
            rate = images * inference_flops(NETWORKS[result.network]) / times["cnnlite"] / 1e9
            rows.append([
                f"{result.network}, batch {images}", *_milliseconds(times),
                f"{ratios[-1]:.2f}", f"{rate:.0f}",
            ])  # fmt: skip
    rows.append(["geometric mean", *[""] * 5, f"{statistics.geometric_mean(ratios):.2f}", ""])
    return table(["ms a prediction", *SIDES, "ratio", "GFLOP/s"], rows)


def scaling(results: Sequence[Measured]) -> str:
    """Times as fast as with the smallest number of threads, cnnlite and PyTorch's fastest mode."""
    by_place = {(result.network, result.threads): result for result in results}
    fewest, *more = sorted({result.threads for result in results})
    rows = []
    for network in dict.fromkeys(result.network for result in results):
        one = by_place[network, fewest]
        gains = [
            speed(one.step) / speed(by_place[network, threads].step)
            for speed in (lambda step: step["cnnlite"], _best)
            for threads in more
        ]
        rows.append([network, *(f"{gain:.2f}" for gain in gains)])
    header = [f"{who}, {n} threads" for who in ("cnnlite", "PyTorch") for n in more]
    return table(["", *header], rows)


def losses(results: Sequence[Measured]) -> str:
    """How far the losses of both frameworks are apart."""
    compared = [result for result in results if result.differences]
    rows = [[r.network, *(f"{r.differences[d]:.1e}" for d in r.differences)] for r in compared]
    return table(["", *compared[0].differences], rows)


def _best(times: Mapping[str, float]) -> float:
    return min(times[name] for name in TORCH if name in times)


def _milliseconds(times: Mapping[str, float]) -> list[str]:
    """A cell for each side; * marks PyTorch's fastest."""
    best = _best(times)
    return [
        "n/a" if name not in times
        else f"{1e3 * times[name]:.2f}" + "*" * (name in TORCH and times[name] == best)
        for name in SIDES
    ]  # fmt: skip


def _megabytes(size: int | None) -> str:
    return "n/a" if size is None else f"{size / 2**20:.0f}"
