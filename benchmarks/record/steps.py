"""Steps of a recipe here and in PyTorch, in turns."""

from __future__ import annotations

import logging
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.record import flops
from benchmarks.record.folders import NAME, commit, today
from benchmarks.record.lines import Compared, append
from benchmarks.record.running import machine
from benchmarks.record.twin import MODES, Twin
from cnnlite import Solver, get_num_threads, set_num_threads
from cnnlite.cli.adapted import adapted
from cnnlite.cli.config import TrainConfig
from cnnlite.cli.parts import make_solver
from cnnlite.cli.train import given_flags, new_config, train
from cnnlite.data import Dataset, batches
from cnnlite.models import freeze_layers
from cnnlite.rates import sgemm_rate

__all__ = ["compare", "configured", "epochs_in", "fastest_mode", "solver_of"]

REST = 0.05  # seconds, in which the threads of the other side, which spin when idle, go to sleep
COMPILING = 60  # seconds that torch.compile may take
TRIED = 3  # steps, to see how long one takes

Step = Callable[[np.ndarray, np.ndarray], object]


def configured(recipe: str, words: Sequence[str], data: Dataset) -> TrainConfig:
    """Return the configuration of `cnnlite train --recipe RECIPE WORDS` for a data set."""
    parsed = train.make_context("train", ["--recipe", recipe, *words]).params
    others = {"file", "out", "resume", "quiet", "profile", "watch", "port"}
    given = given_flags({key: value for key, value in parsed.items() if key not in others})
    config, _ = adapted(new_config(None, given), data, frozenset(given))
    set_num_threads(config.threads or get_num_threads())
    torch.set_num_threads(get_num_threads())
    return replace(config, data=NAME, keep=0)


def compare(
    config: TrainConfig, label: str, data: Dataset, steps: int, rounds: int, table: Path
) -> Compared:
    """Time steps here and in PyTorch, in turns, in each phase of a recipe; print and record it.

    Args:
        config: the recipe's configuration.
        label: of the line.
        data: its data set.
        steps: of a turn.
        rounds: how many turns each side has, of which medians are taken.
        table: the file that gets the line.
    """
    threads = get_num_threads()
    rates = [sgemm_rate(threads)]
    mode = fastest_mode(config, data)
    totals = np.zeros((2, 2))  # ours, PyTorch's; seconds, processor seconds: of the whole training
    gathering, count = 0.0, 0
    for phase in flops.phases(config, data.image_shape, config.epochs):
        solver, twin = _sides(config, data, mode, phase)
        epoch, weight = phase.epochs.start, len(phase.epochs) * solver.steps_per_epoch
        start = time.perf_counter()
        made = [_batch(solver, epoch, number) for number in range(min(steps, 4))]
        gathering += weight * (time.perf_counter() - start) / len(made)
        sides: list[Step] = [solver.train_step, _step_of(twin)]
        times = np.array([[_timed(side, made, steps) for side in sides] for _ in range(rounds)])
        here = np.median(times, axis=0)
        totals += weight * here
        count += weight
        (ours, ours_busy), (theirs, theirs_busy) = (1e3 * here).tolist()
        print(
            f"epochs {epoch + 1} to {phase.epochs.stop}, images {phase.shape}: {ours:.1f} ms a "
            f"step, PyTorch ({mode}) {theirs:.1f}; processor {ours_busy:.1f} and {theirs_busy:.1f}",
            flush=True,
        )
    rates.append(sgemm_rate(threads))
    (ours, ours_busy), (theirs, theirs_busy) = totals.tolist()
    line = Compared(
        label, mode, round(ours, 3), round(theirs, 3), round(ours_busy, 3), round(theirs_busy, 3),
        round(gathering, 3), config.epochs, count, threads, machine(),
        (round(rates[0], 1), round(rates[1], 1)), torch.__version__, commit(), today(),
    )  # fmt: skip
    print(
        f"{label}, {threads} threads: {1e3 * ours / count:.1f} ms a step, PyTorch ({mode}) "
        f"{1e3 * theirs / count:.1f} ms\n"
        f"an epoch {(ours + gathering) / config.epochs:.1f} s, PyTorch "
        f"{(theirs + gathering) / config.epochs:.1f} s; the recipe {ours + gathering:.0f} s, "
        f"PyTorch {theirs + gathering:.0f} s, each with {gathering:.0f} s for its batches: "
        f"{line.share:.1%} of its time ({ours_busy / theirs_busy:.1%} of its processor time)"
    )
    append(table, line)
    return line


def epochs_in(config: TrainConfig, data: Dataset, mode: str, seconds: float) -> int:
    """Return how many epochs of a recipe PyTorch can train in so many seconds, at least one."""
    total = 0.0
    for phase in flops.phases(config, data.image_shape, config.epochs):
        solver, twin = _sides(config, data, mode, phase)
        times = []
        for number in range(TRIED + 1):  # the first wakes threads, and does not count
            start = time.perf_counter()
            twin.step(*_batch(solver, phase.epochs.start, number), 1.0)
            times.append(time.perf_counter() - start)
        took = statistics.mean(times[1:])
        total += took * len(phase.epochs) * solver.steps_per_epoch
    return max(1, int(config.epochs * seconds / total))


def fastest_mode(config: TrainConfig, data: Dataset) -> str:
    """Return PyTorch's fastest mode for a recipe's steps, and print the time of each."""
    times = {}
    for mode in MODES:
        solver = solver_of(config, data)
        made = [_batch(solver, 0, 0)]
        try:
            with _at_most(COMPILING):
                step = _step_of(Twin(solver, mode))
                step(*made[0])
            times[mode], _ = _timed(step, made, TRIED)
        except Exception as error:  # whatever torch.compile raises where it cannot
            if mode != "compiled":
                raise
            text = str(error).strip().partition("\n")[0]
            print(f"PyTorch, compiled: left out: {type(error).__name__}: {text}")
    shown = ", ".join(f"{mode} {1e3 * value:.1f}" for mode, value in times.items())
    print(f"PyTorch {torch.__version__}, ms a step: {shown}", flush=True)
    return min(times, key=lambda mode: times[mode])


@contextmanager
def _at_most(seconds: int) -> Any:
    """Raise TimeoutError if the block takes longer."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"it takes more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    logging.disable()  # it tells at length where it was
    try:
        yield
    finally:
        signal.alarm(0)
        logging.disable(logging.NOTSET)
        signal.signal(signal.SIGALRM, before)


def _timed(step: Step, made: list[tuple[np.ndarray, np.ndarray]], steps: int) -> list[float]:
    """Return the medians of seconds and of processor seconds of steps, after one untimed."""
    time.sleep(REST)
    step(*made[-1])
    times = []
    for number in range(steps):
        busy, start = time.process_time(), time.perf_counter()
        step(*made[number % len(made)])
        times.append((time.perf_counter() - start, time.process_time() - busy))
    return [statistics.median(column) for column in zip(*times, strict=True)]


def _sides(
    config: TrainConfig, data: Dataset, mode: str, phase: flops.Phase
) -> tuple[Solver, Twin]:
    """Return a Solver, and the twin of another, with what is frozen in a phase."""
    solvers = [solver_of(config, data) for _ in range(2)]
    for solver in solvers if phase.frozen else ():
        freeze_layers(solver.model, *phase.frozen)
    return solvers[0], Twin(solvers[1], mode)


def _step_of(twin: Twin) -> Step:
    return lambda x, y: twin.step(x, y, 1.0)


def solver_of(config: TrainConfig, data: Dataset) -> Solver:
    """Return the Solver of a recipe, as `cnnlite train` makes it, without a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        solver = make_solver(config, data, None, None, Path(folder), False)
    solver.checkpoint = None
    return solver


def _batch(solver: Solver, epoch: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a batch as the Solver takes it in an epoch."""
    size = solver.batch_size
    order = batches.epoch_order(len(solver.X_train), epoch, solver.seed)
    index = np.sort(order[number * size % (len(order) - size + 1) :][:size])
    x = batches.gather(
        solver.X_train, index, solver.normalization, np.float32, solver.augment, epoch, solver.seed
    )
    return x, solver.targets(index)
