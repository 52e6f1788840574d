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
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.record import page, running
from benchmarks.record.folders import checked_data, line_of
from benchmarks.record.lines import STEPS, TABLE, Trained, append, read
from benchmarks.record.summary import result_of
from cnnlite.cli import recipes


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    arguments = parser().parse_args(words)
    try:
        status: int = arguments.do(arguments)
    except (ValueError, OSError) as error:
        sys.exit(f"record: {error}")
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
    run.add_argument("--seeds", type=int, nargs="+", default=[0])
    run.add_argument("--option", action="append", default=[], help='as --option="--epochs 4"')
    run.add_argument("--again", action="store_true", help="also the seeds that have a line")
    run.set_defaults(do=_run)
    add = commands.add_parser("add", help="add lines for runs that are finished, without times")
    add.add_argument("folders", nargs="+", type=Path, metavar="RUN_FOLDER")
    add.add_argument("--options", default="", help="what was given besides the recipe")
    add.set_defaults(do=_add)
    torch = commands.add_parser("pytorch", help="time steps here and in PyTorch, or train there")
    torch.add_argument("recipe")
    torch.add_argument("--steps", type=int, default=5, help="of a turn")
    torch.add_argument("--rounds", type=int, default=5, help="turns of each side")
    torch.add_argument("--train", action="store_true", help="train the recipe whole in PyTorch")
    torch.add_argument("--seconds", type=float, help="of training steps: epochs follow from them")
    torch.add_argument("--seeds", type=int, nargs="+", default=[0])
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
    from benchmarks.record import steps, whole  # they need PyTorch

    words, data = running.words_of(arguments.option), checked_data()
    label = arguments.label or " ".join([arguments.recipe, *words])
    if arguments.seconds is not None and not arguments.train:
        sys.exit("record: --seconds is of a training: add --train")
    config = steps.configured(arguments.recipe, words, data)
    if not arguments.train:
        turns = (arguments.steps, arguments.rounds)
        steps.compare(config, label, data, *turns, arguments.steps_out)
        return 0
    mode = steps.fastest_mode(config, data)
    if arguments.seconds is not None:
        words += ["--epochs", str(steps.epochs_in(config, data, mode, arguments.seconds))]
    for seed in arguments.seeds:
        config = steps.configured(arguments.recipe, [*words, "--seed", str(seed)], data)
        line = whole.train_in_pytorch(config, label, " ".join(words), data, mode, arguments.out)
        print(f"{label} in {line.framework}, seed {seed}: {running.told(line)}", flush=True)
    return 0


def _table(arguments: argparse.Namespace) -> int:
    if arguments.check:
        wrong = page.check()
        print("\n".join(wrong) or "the page agrees with the lines")
        return int(bool(wrong))
    page.write()
    for recipe in recipes.names():
        told = result_of(recipe, read(TABLE, Trained))
        print(f'{recipe}.toml: result = "{told}"' if told else f"{recipe}: no line yet")
    return 0


if __name__ == "__main__":
    sys.exit(main())
