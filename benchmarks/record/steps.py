"""Steps of a recipe here and in PyTorch, in turns."""

from __future__ import annotations

import itertools
import logging
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.record import flops
from benchmarks.record.configs import digest, multiply_of
from benchmarks.record.folders import commit, today
from benchmarks.record.lines import OURS, Compared, Side, append, told_side
from benchmarks.record.running import machine
from benchmarks.record.twin import COMPILED, MODES, Twin
from cnnlite import Solver, get_num_threads
from cnnlite.cli.config import TrainConfig
from cnnlite.cli.parts import make_solver
from cnnlite.data import Dataset, batches
from cnnlite.functional.conv import MULTIPLY
from cnnlite.layers import Conv2d
from cnnlite.models import freeze_layers
from cnnlite.rates import sgemm_rate

__all__ = ["compare", "epochs_in", "fastest_modes", "solver_of", "warm_up"]

REST = 0.05  # seconds, in which the threads of the other side, which spin when idle, go to sleep
COMPILING = 60  # seconds that torch.compile may take
TRIED = 2  # steps, to see how long one takes

Step = Callable[[np.ndarray, np.ndarray], object]


def compare(
    config: TrainConfig,
    label: str,
    options: str,
    data: Dataset,
    steps: int,
    rounds: int,
    compiled: bool,
    table: Path,
) -> Compared:
    """Time steps here and in PyTorch, in turns, in each phase of a recipe; print and record it.

    Both are timed in float32 and with products in bfloat16: here, and by PyTorch's autocast.

    Args:
        config: the recipe's configuration.
        label, options: of the line.
        data: its data set.
        steps: of a turn.
        rounds: how many turns each side has, of which medians are taken.
        compiled: whether torch.compile is tried, too.
        table: the file that gets the line.
    """
    threads = get_num_threads()
    rates = [sgemm_rate(threads)]
    own = multiply_of(solver_of(config, data).model)
    here = [(OURS, multiply) for multiply in sorted(MULTIPLY, key=lambda name: name != own)]
    modes = fastest_modes(config, data, MULTIPLY, compiled)
    kinds = [*here, *((f"PyTorch, {modes[multiply]}", multiply) for multiply in MULTIPLY)]
    totals = np.zeros((len(kinds), 2))  # seconds, processor seconds: of the whole training
    gathering, count = 0.0, 0
    for phase in flops.phases(config, data.image_shape, config.epochs):
        solver = _solver_in(config, data, phase)
        epoch, weight = phase.epochs.start, len(phase.epochs) * solver.steps_per_epoch
        start = time.perf_counter()
        made = [_batch(solver, epoch, number) for number in range(min(steps, 4))]
        gathering += weight * (time.perf_counter() - start) / len(made)
        sides = [_ours(solver, multiply) for _, multiply in here]
        sides += [_theirs(config, data, phase, modes[multiply], multiply) for multiply in MULTIPLY]
        for side in sides:
            side(*made[-1])
        times = np.array([[_timed(side, made, steps) for side in sides] for _ in range(rounds)])
        medians = np.median(times, axis=0)
        totals += weight * medians
        count += weight
        told = (f"{told_side(*kind)} {1e3 * took:.1f} ({1e3 * busy:.1f})"
                for kind, (took, busy) in zip(kinds, medians.tolist(), strict=True))  # fmt: skip
        print(f"epochs {epoch + 1} to {phase.epochs.stop}, images {phase.shape}, ms a step and "
              f"(of all processors): {'; '.join(told)}", flush=True)  # fmt: skip
    rates.append(sgemm_rate(threads))
    rounded = totals.round(3).tolist()
    line = Compared(
        label, str(config.recipe), options, digest(config),
        tuple(Side(*kind, *each) for kind, each in zip(kinds, rounded, strict=True)),
        round(gathering, 3), config.epochs, count, threads, machine(),
        (round(rates[0], 1), round(rates[1], 1)), torch.__version__, commit(), today(),
    )  # fmt: skip
    append(table, line)
    return line


def epochs_in(
    config: TrainConfig, config_of: Callable[[int], TrainConfig], data: Dataset, mode: str,
    multiply: str, seconds: float,
) -> int:  # fmt: skip
    """Return how many epochs of a recipe PyTorch can train in so many seconds, at least one.

    Args:
        config: the recipe's configuration.
        config_of: the same for a number of epochs, with the sizes of images that so many have.
        data: its data set.
        mode, multiply: of `Twin`.
        seconds: of all steps.
    """
    took: dict[tuple[int, ...], float] = {}  # an epoch, by the shape of its images
    for phase in flops.phases(config, data.image_shape, config.epochs):
        if phase.shape in took:
            continue
        solver = _solver_in(config, data, phase)
        step, times = _theirs(config, data, phase, mode, multiply), []
        for number in range(TRIED + 1):  # the first wakes threads, and does not count
            start = time.perf_counter()
            step(*_batch(solver, phase.epochs.start, number))
            times.append(time.perf_counter() - start)
        took[phase.shape] = statistics.mean(times[1:]) * solver.steps_per_epoch
    return flops.epochs_within(seconds, config_of, data.image_shape, took)


def fastest_modes(
    config: TrainConfig, data: Dataset, multiplied: Sequence[str], compiled: bool
) -> dict[str, str]:
    """Return PyTorch's fastest mode for each of the ways to multiply, and print all times.

    They are timed in turns, in the phase that has most of the work.
    """
    phase = flops.heaviest(config, len(data.class_names), data.image_shape)
    made = [_batch(_solver_in(config, data, phase), phase.epochs.start, 0)]
    steps: dict[tuple[str, str], Step] = {}
    for kind in itertools.product(MODES if compiled else MODES[:2], multiplied):
        try:
            with _at_most(COMPILING) if kind[0] == COMPILED else nullcontext():
                steps[kind] = _theirs(config, data, phase, *kind)
                steps[kind](*made[0])
        except Exception as error:  # whatever torch.compile raises where it cannot
            if kind[0] != COMPILED:
                raise
            del steps[kind]
            text = str(error).strip().partition("\n")[0]
            print(f"PyTorch, {told_side(*kind)}: left out: {type(error).__name__}: {text}")
    times: dict[tuple[str, str], list[float]] = {kind: [] for kind in steps}
    for _ in range(TRIED):
        for kind, step in steps.items():
            times[kind].append(_timed(step, made, 1)[0])
    medians = {kind: statistics.median(took) for kind, took in times.items()}
    shown = "; ".join(f"{told_side(*kind)} {1e3 * took:.1f}" for kind, took in medians.items())
    print(f"PyTorch {torch.__version__}, ms a step: {shown}", flush=True)
    return {
        multiply: min((kind for kind in medians if kind[1] == multiply), key=medians.__getitem__)[0]
        for multiply in multiplied
    }


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
    """Return the medians of seconds and of processor seconds of steps."""
    time.sleep(REST)
    times = []
    for number in range(steps):
        busy, start = time.process_time(), time.perf_counter()
        step(*made[number % len(made)])
        times.append((time.perf_counter() - start, time.process_time() - busy))
    return [statistics.median(column) for column in zip(*times, strict=True)]


def _solver_in(config: TrainConfig, data: Dataset, phase: flops.Phase) -> Solver:
    """Return a Solver with what is frozen in a phase."""
    solver = solver_of(config, data)
    if phase.frozen:
        freeze_layers(solver.model, *phase.frozen)
    return solver


def _ours(solver: Solver, multiply: str) -> Step:
    """Return the step of a Solver, which others may share, with such products."""

    def step(x: np.ndarray, y: np.ndarray) -> None:
        for _, layer in solver.model.leaves():
            if isinstance(layer, Conv2d):
                layer.multiply = multiply
        solver.train_step(x, y)

    return step


def _theirs(
    config: TrainConfig, data: Dataset, phase: flops.Phase, mode: str, multiply: str
) -> Step:
    """Return a step in PyTorch."""
    twin = Twin(_solver_in(config, data, phase), mode, multiply)
    return lambda x, y: twin.step(x, y, 1.0)


def solver_of(config: TrainConfig, data: Dataset) -> Solver:
    """Return the Solver of a recipe, as `cnnlite train` makes it, without a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        solver = make_solver(config, data, None, None, Path(folder), False)
    solver.checkpoint = None
    return solver


def warm_up(config: TrainConfig, data: Dataset, twin: Twin) -> None:
    """Let a twin compile what each phase needs, with whole batches and the short last one."""
    for phase in flops.phases(config, data.image_shape, config.epochs):
        solver = _solver_in(config, data, phase)
        x, y = _batch(solver, phase.epochs.start, 0)
        rest = 0 if config.drop_last else len(solver.X_train) % len(x)
        for count in filter(None, (len(x), rest)):
            twin.warm_up(x[:count], y[:count], solver.model.frozen_keys)


def _batch(solver: Solver, epoch: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a batch as the Solver takes it in an epoch."""
    size = solver.batch_size
    order = batches.epoch_order(len(solver.X_train), epoch, solver.seed)
    index = np.sort(order[number * size % (len(order) - size + 1) :][:size])
    x = batches.gather(
        solver.X_train, index, solver.normalization, np.float32, solver.augment, epoch, solver.seed
    )
    return x, solver.targets(index)
