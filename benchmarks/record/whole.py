"""Whole trainings in PyTorch."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.record import flops
from benchmarks.record.configs import digest
from benchmarks.record.folders import commit, copy_of, today, train_seconds
from benchmarks.record.lines import Times, Trained, append
from benchmarks.record.running import machine
from benchmarks.record.steps import solver_of, warm_up
from benchmarks.record.twin import COMPILED, Twin, take_over
from cnnlite import get_num_threads
from cnnlite.cli.config import TrainConfig
from cnnlite.data import Dataset
from cnnlite.rates import sgemm_rate

__all__ = ["train_in_pytorch"]


def train_in_pytorch(
    config: TrainConfig,
    label: str,
    options: str,
    data: Dataset,
    mode: str,
    multiply: str,
    table: Path,
) -> Trained:
    """Train a recipe whole in PyTorch: first weights, batches and schedule are ours; record it.

    Args:
        config: the recipe's configuration.
        label, options: of the line.
        data: its data set.
        mode, multiply: of `Twin`.
        table: the file that gets the line.
    """
    threads = get_num_threads()
    solver = solver_of(config, data)
    twin = Twin(solver, mode, multiply)
    if mode == COMPILED:  # else its minutes would count as those of training
        warm_up(config, data, twin)
    rate, start, busy = sgemm_rate(threads), time.perf_counter(), time.process_time()
    copying = take_over(solver, twin)
    solver.train()
    seen = solver.steps_per_epoch * solver.batch_size if config.drop_last else len(solver.X_train)
    seconds = train_seconds(solver.history, seen) - copying()
    solver.model.load_state_dict(solver.best_params)
    pixels, labels = data["X_test"], data["y_test"]
    test, test_tta = solver.check_accuracy(pixels, labels), None
    if config.tta != "none":
        test_tta = solver.check_accuracy(pixels, labels, tta=config.tta)
    whole, busy = time.perf_counter() - start, time.process_time() - busy
    times = Times(
        round(seconds, 4), round(whole, 2), round(busy, 2), threads, machine(),
        (round(rate, 1), round(sgemm_rate(threads), 1)),
    )  # fmt: skip
    line = Trained(
        label, config.recipe or config.model, options, digest(config), multiply, config.seed,
        f"PyTorch, {mode}", test, test_tta, config.epochs, solver.step,
        flops.of_training(config, solver.num_classes, data.image_shape, seen, config.epochs),
        copy_of(data), commit(), today(), None, times,
    )  # fmt: skip
    append(table, line)
    return line
