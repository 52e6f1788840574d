"""Steps of a recipe here and in PyTorch, in turns; and whole trainings in PyTorch."""

from __future__ import annotations

import logging
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.record import flops
from benchmarks.record.folders import NAME, commit, copy_of, train_seconds
from benchmarks.record.lines import Compared, Times, Trained, append
from benchmarks.record.running import machine
from benchmarks.record.twin import MODES, Twin, take_over
from cnnlite import Solver, get_num_threads, set_num_threads
from cnnlite.cli.adapted import adapted
from cnnlite.cli.config import TrainConfig
from cnnlite.cli.parts import make_solver
from cnnlite.cli.train import given_flags, new_config, train
from cnnlite.data import Dataset, batches
from cnnlite.models import freeze_layers
from cnnlite.rates import sgemm_rate

__all__ = ["compare", "configured", "train_in_pytorch"]

REST = 0.05  # seconds, in which the threads of the other side, which spin when idle, go to sleep
COMPILING = 60  # seconds that torch.compile may take

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
        solver = _solver(config, data)
        twin = Twin(_solver(config, data), mode)
        for model in (solver.model, twin.model) if phase.frozen else ():
            freeze_layers(model, *phase.frozen)
        epoch, weight = phase.epochs.start, len(phase.epochs) * solver.steps_per_epoch
        start = time.perf_counter()
        made = [_batch(solver, epoch, number) for number in range(min(steps, 4))]
        gathering += weight * (time.perf_counter() - start) / len(made)
        sides: list[Step] = [solver.train_step, lambda x, y, twin=twin: twin.step(x, y, 1.0)]
        times = np.array([[_timed(side, made, steps) for side in sides] for _ in range(rounds)])
        here = np.median(times, axis=0)
        totals += weight * here
        count += weight
        sides_text = " x ".join(map(str, phase.shape))
        print(
            f"epochs {epoch + 1} to {phase.epochs.stop}, images {sides_text}: "
            f"{1e3 * here[0, 0]:.1f} ms a step, PyTorch ({mode}) {1e3 * here[1, 0]:.1f} ms; "
            f"processor {1e3 * here[0, 1]:.1f} and {1e3 * here[1, 1]:.1f} ms",
            flush=True,
        )
    rates.append(sgemm_rate(threads))
    (ours, ours_busy), (theirs, theirs_busy) = totals.tolist()
    line = Compared(
        label, mode, round(ours, 2), round(theirs, 2), round(ours_busy, 2), round(theirs_busy, 2),
        round(gathering, 2), config.epochs, count, threads, machine(),
        (round(rates[0], 1), round(rates[1], 1)), torch.__version__, commit(), _today(),
    )  # fmt: skip
    print(
        f"{label}, {threads} threads: {1e3 * ours / count:.1f} ms a step, PyTorch ({mode}) "
        f"{1e3 * theirs / count:.1f} ms: {line.share:.1%} of its time "
        f"({ours_busy / theirs_busy:.1%} of its processor time)\n"
        f"an epoch {(ours + gathering) / config.epochs:.1f} s, PyTorch "
        f"{(theirs + gathering) / config.epochs:.1f} s; the recipe {ours + gathering:.0f} s, "
        f"PyTorch {theirs + gathering:.0f} s, each with {gathering:.0f} s for its batches"
    )
    append(table, line)
    return line


def train_in_pytorch(
    config: TrainConfig, label: str, options: str, data: Dataset, seconds: float | None, table: Path
) -> Trained:
    """Train a recipe whole in PyTorch: first weights, batches and schedule are ours; record it.

    Args:
        config: the recipe's configuration.
        label, options: of the line.
        data: its data set.
        seconds: the time of the training steps, from which the number of epochs follows; None
            trains the recipe's.
        table: the file that gets the line.
    """
    threads = get_num_threads()
    start, busy, rate = time.perf_counter(), time.process_time(), sgemm_rate(threads)
    mode = fastest_mode(config, data)
    if seconds is not None:
        solver = _solver(config, data)
        step = Twin(solver, mode)
        made = [_batch(solver, 0, 0)]
        took, _ = _timed(lambda x, y: step.step(*_batch(solver, 0, 1), 1.0), made, 3)
        epochs = max(1, int(seconds / (took * solver.steps_per_epoch)))
        config, options = replace(config, epochs=epochs), f"{options} --epochs {epochs}".strip()
        del step, solver
    solver = _solver(config, data)
    twin = Twin(solver, mode)
    copying = take_over(solver, twin)
    solver.train()
    seen = solver.steps_per_epoch * solver.batch_size if config.drop_last else len(solver.X_train)
    steps_time = train_seconds(solver.history, seen)
    solver.model.load_state_dict(solver.best_params)
    pixels, labels = data["X_test"], data["y_test"]
    test, test_tta = solver.check_accuracy(pixels, labels), None
    if config.tta != "none":
        test_tta = solver.check_accuracy(pixels, labels, tta=config.tta)
    times = Times(
        round(steps_time - copying(), 2), round(time.perf_counter() - start, 2),
        round(time.process_time() - busy, 2), threads, machine(),
        (round(rate, 1), round(sgemm_rate(threads), 1)),
    )  # fmt: skip
    line = Trained(
        label, config.recipe or config.model, options, config.seed, f"PyTorch, {mode}", test,
        test_tta, config.epochs, solver.step,
        flops.of_training(config, solver.num_classes, data.image_shape, seen, config.epochs),
        copy_of(data), commit(), _today(), None, times,
    )  # fmt: skip
    append(table, line)
    return line


def fastest_mode(config: TrainConfig, data: Dataset) -> str:
    """Return PyTorch's fastest mode for a recipe's steps, and print the time of each."""
    times = {}
    for mode in MODES:
        solver = _solver(config, data)
        made = [_batch(solver, 0, 0)]
        try:
            with _at_most(COMPILING):
                twin = Twin(solver, mode)
                step = lambda x, y, twin=twin: twin.step(x, y, 1.0)  # noqa: E731
                step(*made[0])
            times[mode], _ = _timed(step, made, 3)
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


def _solver(config: TrainConfig, data: Dataset) -> Solver:
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


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
