"""Train, record, compare with PyTorch, and write the page of the record.

    python -m benchmarks.record run airbench94 --seeds 0 1 2 3 4
    python -m benchmarks.record run fast90 --option=--no-augment --label "fast90 without crops"
    python -m benchmarks.record run --example examples/small_vgg.py --seeds 0 1 2 3 4
    python -m benchmarks.record add runs/007-airbench   # accuracies only: its times do not count
    python -m benchmarks.record pytorch airbench94      # a step here and in PyTorch, in turns
    python -m benchmarks.record pytorch airbench94 --train --seeds 0 1 2
    python -m benchmarks.record table                   # docs/results/record.md

A training that was stopped in the middle goes on with the same command; its times do not count.
A seed that has its line is not trained again, except with --again, which compares the bits.
"""  # fmt: skip

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.record import page, running
from benchmarks.record.configs import configured, words_of
from benchmarks.record.folders import checked_data, line_of
from benchmarks.record.lines import STEPS, TABLE, Trained, append, read, told_side
from benchmarks.record.summary import result_of
from cnnlite import get_num_threads, set_num_threads
from cnnlite.cli import recipes
from cnnlite.cli.config import TrainConfig
from cnnlite.data import Dataset


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        arguments = parser().parse_args(words)
        status: int = arguments.do(arguments)
    except (ValueError, OSError) as error:
        sys.exit(f"record: {error}")
    finally:
        signal.signal(signal.SIGTERM, before)
    return status


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; `do` of what it reads does it."""
    whole = argparse.ArgumentParser(
        prog="python -m benchmarks.record",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(required=True)
    run = commands.add_parser("run", help="train with each seed, and add a line for each")
    run.add_argument("recipe", nargs="?", help="a recipe of cnnlite train")
    run.add_argument("--example", help="a script of examples/ in its place")
    run.add_argument("--seeds", type=_at_least(0), nargs="+", default=[0])
    run.add_argument("--option", action="append", default=[], help='as --option="--epochs 4"')
    run.add_argument("--again", action="store_true", help="also the seeds that have a line")
    run.set_defaults(do=_run)
    add = commands.add_parser("add", help="add lines for runs that are finished, without times")
    add.add_argument("folders", nargs="+", type=Path, metavar="RUN_FOLDER")
    add.add_argument("--options", default="", help="what was given besides the recipe")
    add.set_defaults(do=_add)
    torch = commands.add_parser("pytorch", help="time steps here and in PyTorch, or train there")
    torch.add_argument("recipe")
    torch.add_argument("--steps", type=_at_least(1), default=1, help="of a turn")
    torch.add_argument("--rounds", type=_at_least(1), default=3, help="turns of each side")
    torch.add_argument("--compile", action="store_true", help="try torch.compile, too")
    torch.add_argument("--train", action="store_true", help="train the recipe whole in PyTorch")
    torch.add_argument("--autocast", action="store_true", help="train with its bfloat16 autocast")
    torch.add_argument("--seconds", type=float, help="of training steps: epochs follow from them")
    torch.add_argument("--seeds", type=_at_least(0), nargs="+", help="of trainings [default: 0]")
    torch.add_argument("--option", action="append", default=[], help='as --option="--epochs 4"')
    torch.add_argument("--steps-out", type=Path, default=STEPS, help="the table of timed steps")
    torch.set_defaults(do=_pytorch)
    pages = commands.add_parser("table", help="write docs/results/record.md of the lines")
    pages.add_argument("--check", action="store_true", help="only say whether it agrees with them")
    pages.set_defaults(do=_table)
    for command in (run, add, torch):
        command.add_argument("--label", help="of the lines [default: recipe and options]")
        command.add_argument("--out", type=Path, default=TABLE, help="the table of the lines")
    return whole


def _at_least(least: int) -> Callable[[str], int]:
    """Return what reads a whole number of at least so much."""

    def read(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {text}")
        return int(text)

    read.__name__ = "whole number"  # argparse names it where the text is none
    return read


def _run(arguments: argparse.Namespace) -> int:
    if (arguments.recipe is None) == (arguments.example is None):
        sys.exit("record: name a recipe, or a script with --example")
    running.record(
        arguments.example or arguments.recipe, arguments.example is not None, arguments.seeds,
        arguments.option, arguments.label, arguments.out, arguments.again,
    )  # fmt: skip
    return 0


def _add(arguments: argparse.Namespace) -> int:
    for folder in arguments.folders:
        append(arguments.out, line_of(folder, arguments.label, arguments.options, None))
    return 0


def _pytorch(arguments: argparse.Namespace) -> int:
    running.check_recipe(arguments.recipe)
    for name in ("seconds", "seeds", "autocast"):
        if getattr(arguments, name) and not arguments.train:
            raise ValueError(f"--{name} is of a training: add --train")
    words = words_of(arguments.option)

    import torch

    from benchmarks.record import steps, whole  # they need PyTorch

    data = checked_data()
    config = configured(arguments.recipe, words, data)
    label = arguments.label or shlex.join([arguments.recipe, *words])
    set_num_threads(config.threads or get_num_threads())
    torch.set_num_threads(get_num_threads())
    if not arguments.train:
        compared = steps.compare(
            config, label, shlex.join(words), data, arguments.steps, arguments.rounds,
            arguments.compile, arguments.steps_out,
        )  # fmt: skip
        print(page.compared_steps(compared))
        return 0
    multiply = "bfloat16" if arguments.autocast else "float32"
    mode = steps.fastest_modes(config, data, [multiply], arguments.compile)[multiply]
    if arguments.seconds is not None:
        for_epochs = partial(_for_epochs, arguments.recipe, words, data)
        found = steps.epochs_in(config, for_epochs, data, mode, multiply, arguments.seconds)
        words += ["--epochs", str(found)]
    for seed in arguments.seeds or [0]:
        config = replace(configured(arguments.recipe, words, data), seed=seed)
        line = whole.train_in_pytorch(
            config, label, shlex.join(words), data, mode, multiply, arguments.out
        )
        told = told_side(line.framework, multiply)
        print(f"{label} in {told}, seed {seed}: {running.told(line)}", flush=True)
    return 0


def _for_epochs(recipe: str, words: Sequence[str], data: Dataset, epochs: int) -> TrainConfig:
    return configured(recipe, [*words, "--epochs", str(epochs)], data)


def _table(arguments: argparse.Namespace) -> int:
    if arguments.check:
        wrong = page.check()
        print("\n".join(wrong) or "the page agrees with the lines")
        return int(bool(wrong))
    page.write()
    for recipe in recipes.names():
        sentence = result_of(recipe, read(TABLE, Trained))
        print(f'{recipe}.toml: result = "{sentence}"' if sentence else f"{recipe}: no line yet")
    return 0


if __name__ == "__main__":
    sys.exit(main())
