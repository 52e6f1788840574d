"""The tables of the comparison."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from benchmarks.networks import NETWORKS, inference_flops, step_flops
from benchmarks.pytorch import BFLOAT16, TORCH
from benchmarks.runtimes import RUNTIMES
from benchmarks.text import table
from benchmarks.turns import Measured
from benchmarks.workers import Sgemm

OURS = ("cnnlite", "im2col")
MODES = ("cnnlite", "recompute", "bfloat16")  # of training; to bf16 counts the fastest one
TRAINED = ("cnnlite", "recompute", "bfloat16", "im2col", *TORCH)
THEIRS = (*TORCH, *RUNTIMES)  # in float32; ratios of predictions are to the fastest of them


def training(results: Sequence[Measured]) -> str:
    """Milliseconds a step, ratios, rate and memory of each network, and their means."""
    rows = []
    columns: list[list[float | None]] = [[], [], [], [], []]
    ratios, halves, again, shares, thrifty = columns
    for result in results:
        times, memory = result.step, result.memory
        ours, half = times["cnnlite"], _best(times, BFLOAT16)
        rate = step_flops(NETWORKS[result.network]) / ours / 1e9
        sgemm = Sgemm.flops / times["sgemm"] / 1e9
        other = min((memory[name] for name in TORCH if name in memory), default=0)
        ratios.append(_quotient(_best(times, TORCH), ours))
        halves.append(_quotient(half, _best(times, MODES)))
        again.append(_quotient(times.get("recompute", 0.0), ours))
        shares.append(_quotient(memory.get("cnnlite", 0), other))
        thrifty.append(_quotient(memory.get("recompute", 0), other))
        rows.append([
            result.network, *_milliseconds(times, TRAINED, TORCH),
            f"{1e3 * half:.2f}" if half else "n/a", *(_told(column[-1]) for column in columns[:2]),
            f"{rate:.0f}", f"{rate / sgemm:.0%}", _megabytes(other),
            *(_told(column[-1], ".0%") for column in (shares, thrifty)), _told(again[-1]),
        ])  # fmt: skip
    blank = [""] * len((*TRAINED, "bf16"))
    for what, of in (("geometric mean", statistics.geometric_mean), ("smallest", min)):
        rows.append([what, *blank, _over(of, ratios), _over(of, halves), *[""] * 6])
    means = [_over(statistics.mean, column, ".0%") for column in (shares, thrifty)]
    rows.append(["mean", *blank, *[""] * 5, *means, _over(statistics.mean, again)])
    header = [
        "ms a training step", *TRAINED, "bf16", "ratio", "to bf16", "GFLOP/s", "of sgemm",
        "MB PyTorch", "share", "share, recompute", "time, recompute",
    ]  # fmt: skip
    rates = [Sgemm.flops / result.step["sgemm"] / 1e9 for result in results]
    return (
        f"{table(header, rows)}\n\nNumPy's sgemm: {statistics.median(rates):.0f} GFLOP/s. ratio: "
        "PyTorch's fastest float32 mode to cnnlite. bf16: the fastest of PyTorch's modes under "
        f"bfloat16 autocast; its ratio is to the fastest of {', '.join(MODES)}. MB: peak "
        "resident, of the better of NCHW and NHWC; shares are cnnlite's of it. time: recompute's "
        "to cnnlite's."
    )


def inference(results: Sequence[Measured], images: int) -> str:
    """Milliseconds a prediction of so many images, ratios and rate, and their means."""
    rows, ratios = [], []
    for result in results:
        times = result.predict[images]
        ratios.append(_quotient(_best(times, THEIRS), times["cnnlite"]))
        rate = images * inference_flops(NETWORKS[result.network]) / times["cnnlite"] / 1e9
        rows.append([
            result.network, *_milliseconds(times, (*OURS, *THEIRS), THEIRS), _told(ratios[-1]),
            f"{rate:.0f}",
        ])  # fmt: skip
    blank = [""] * len((*OURS, *THEIRS))
    for what, of in (("geometric mean", statistics.geometric_mean), ("smallest", min)):
        rows.append([what, *blank, _over(of, ratios), ""])
    what = "an image" if images == 1 else f"{images} images"
    return table([f"ms for {what}", *OURS, *THEIRS, "ratio", "GFLOP/s"], rows)


def scaling(results: Sequence[Measured]) -> str:
    """Times as fast as with the smallest number of threads, cnnlite and PyTorch's fastest mode."""
    by_place = {(result.network, result.threads): result for result in results}
    fewest, *more = sorted({result.threads for result in results})
    rows = []
    for network in dict.fromkeys(result.network for result in results):
        if not all((network, threads) in by_place for threads in (fewest, *more)):
            continue  # the run was stopped before
        one = by_place[network, fewest]
        gains = [
            _quotient(_best(one.step, names), _best(by_place[network, threads].step, names))
            for names in (("cnnlite",), TORCH)
            for threads in more
        ]
        rows.append([network, *map(_told, gains)])
    header = [f"{who}, {n} threads" for who in ("cnnlite", "PyTorch") for n in more]
    return table(["", *header], rows)


def agreement(results: Sequence[Measured]) -> str:
    """How far the losses of PyTorch, and the scores of the runtimes, are from cnnlite's."""
    compared = [result for result in results if result.differences or result.scores]
    dtypes = list(dict.fromkeys(name for result in compared for name in result.differences))
    runtimes = list(dict.fromkeys(name for result in compared for name in result.scores))
    rows = [
        [
            r.network,
            *(f"{r.differences[name]:.1e}" if name in r.differences else "n/a" for name in dtypes),
            *(f"{r.scores[name]:.1e}" if name in r.scores else "n/a" for name in runtimes),
        ]
        for r in compared
    ]  # fmt: skip
    losses = [f"losses, {dtype}" for dtype in dtypes]
    return table(["", *losses, *(f"scores, {name}" for name in runtimes)], rows)


def _best(times: Mapping[str, float], names: Iterable[str]) -> float:
    """The fastest of these sides; 0 where none of them has run."""
    return min((times[name] for name in names if name in times), default=0.0)


def _quotient(other: float, ours: float) -> float | None:
    """None where one of them has not run."""
    return other / ours if other and ours else None


def _told(value: float | None, form: str = ".2f") -> str:
    return "n/a" if value is None else format(value, form)


def _over(
    of: Callable[[Sequence[float]], float], values: Sequence[float | None], form: str = ".2f"
) -> str:
    """A mean, or the smallest, of those that are known."""
    known = [value for value in values if value is not None]
    return _told(of(known) if known else None, form)


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
