"""The tables of the comparison."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.networks import NETWORKS, inference_flops, step_flops
from benchmarks.pytorch import BFLOAT16, TORCH
from benchmarks.runtimes import RUNTIMES
from benchmarks.text import table
from benchmarks.turns import Measured
from benchmarks.workers import Sgemm

OURS = ("cnnlite", "im2col")
TRAINED = ("cnnlite", "recompute", "bfloat16", "im2col", *TORCH)
THEIRS = (*TORCH, *RUNTIMES)  # in float32; ratios of predictions are to the fastest of them


def training(results: Sequence[Measured]) -> str:
    """Milliseconds a step, ratios, rate and memory of each network, and their means."""
    rows, ratios, halves = [], [], []
    shares: dict[str, list[float]] = {name: [] for name in ("cnnlite", "recompute")}
    for result in results:
        times, memory = result.step, result.memory
        ours, half = times["cnnlite"], _best(times, BFLOAT16)
        rate = step_flops(NETWORKS[result.network]) / ours / 1e9
        sgemm = Sgemm.flops / times["sgemm"] / 1e9
        ratios.append(_best(times, TORCH) / ours)
        best = _best(times, ("cnnlite", "bfloat16"))
        halves += [half / best] if half else []
        other = min((memory[name] for name in TORCH if name in memory), default=0)
        for name, found in shares.items():
            found += [memory[name] / other] if name in memory and other else []
        rows.append([
            result.network, *_milliseconds(times, TRAINED, TORCH),
            f"{1e3 * half:.2f}" if half else "n/a", f"{ratios[-1]:.2f}",
            f"{half / best:.2f}" if half else "n/a", f"{rate:.0f}", f"{rate / sgemm:.0%}",
            _megabytes(other),
            *(f"{memory[name] / other:.0%}" if name in memory and other else "n/a"
              for name in shares),
        ])  # fmt: skip
    blank = [""] * len((*TRAINED, "bf16"))
    for what, of in (("geometric mean", statistics.geometric_mean), ("smallest", min)):
        row = [what, *blank, f"{of(ratios):.2f}", f"{of(halves):.2f}" if halves else "n/a"]
        rows.append([*row, *[""] * 5])
    means = [f"{statistics.mean(found):.0%}" if found else "n/a" for found in shares.values()]
    rows.append(["mean", *blank, *[""] * 5, *means])
    header = [
        "ms a training step", *TRAINED, "bf16", "ratio", "to bf16", "GFLOP/s", "of sgemm",
        "MB PyTorch", "share", "share, recompute",
    ]  # fmt: skip
    rates = [Sgemm.flops / result.step["sgemm"] / 1e9 for result in results]
    return (
        f"{table(header, rows)}\n\nNumPy's sgemm: {statistics.median(rates):.0f} GFLOP/s. bf16: "
        "the fastest of PyTorch's modes under bfloat16 autocast, and its ratio to the faster of "
        "cnnlite's, in float32 and with products in bfloat16. MB: peak resident, of the better "
        "of NCHW and NHWC; shares are cnnlite's of it."
    )


def inference(results: Sequence[Measured], images: int) -> str:
    """Milliseconds a prediction of so many images."""
    rows, ratios = [], []
    for result in results:
        times = result.predict[images]
        ratios.append(_best(times, THEIRS) / times["cnnlite"])
        rate = images * inference_flops(NETWORKS[result.network]) / times["cnnlite"] / 1e9
        rows.append([
            result.network, *_milliseconds(times, (*OURS, *THEIRS), THEIRS), f"{ratios[-1]:.2f}",
            f"{rate:.0f}",
        ])  # fmt: skip
    blank = [""] * len((*OURS, *THEIRS))
    rows.append(["geometric mean", *blank, f"{statistics.geometric_mean(ratios):.2f}", ""])
    rows.append(["smallest", *blank, f"{min(ratios):.2f}", ""])
    what = "an image" if images == 1 else f"{images} images"
    return table([f"ms for {what}", *OURS, *THEIRS, "ratio", "GFLOP/s"], rows)


def scaling(results: Sequence[Measured]) -> str:
    """Times as fast as with the smallest number of threads, cnnlite and PyTorch's fastest mode."""
    by_place = {(result.network, result.threads): result for result in results}
    fewest, *more = sorted({result.threads for result in results})
    rows = []
    for network in dict.fromkeys(result.network for result in results):
        one = by_place[network, fewest]
        gains = [
            _best(one.step, names) / _best(by_place[network, threads].step, names)
            for names in (("cnnlite",), TORCH)
            for threads in more
        ]
        rows.append([network, *(f"{gain:.2f}" for gain in gains)])
    header = [f"{who}, {n} threads" for who in ("cnnlite", "PyTorch") for n in more]
    return table(["", *header], rows)


def agreement(results: Sequence[Measured]) -> str:
    """How far the losses of PyTorch, and the scores of the runtimes, are from cnnlite's."""
    compared = [result for result in results if result.differences]
    runtimes = list(dict.fromkeys(name for result in compared for name in result.scores))
    rows = [
        [
            r.network, *(f"{value:.1e}" for value in r.differences.values()),
            *(f"{r.scores[name]:.1e}" if name in r.scores else "n/a" for name in runtimes),
        ]
        for r in compared
    ]  # fmt: skip
    losses = [f"losses, {dtype}" for dtype in compared[0].differences]
    return table(["", *losses, *(f"scores, {name}" for name in runtimes)], rows)


def _best(times: Mapping[str, float], names: Iterable[str]) -> float:
    """The fastest of these sides; 0 where none of them has run."""
    return min((times[name] for name in names if name in times), default=0.0)


def _milliseconds(
    times: Mapping[str, float], names: Iterable[str], others: Iterable[str]
) -> list[str]:
    """A cell for each side; * marks the fastest of the others."""
    best = _best(times, others)
    return [
        "n/a" if name not in times
        else f"{1e3 * times[name]:.2f}" + "*" * (name in others and times[name] == best)
        for name in names
    ]  # fmt: skip


def _megabytes(size: int | None) -> str:
    return f"{size / 2**20:.0f}" if size else "n/a"
