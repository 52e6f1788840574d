"""`cnnlite train`: train a network of the zoo and keep the run in a folder."""

import shlex
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import Field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnnlite.cli import config as configuration
from cnnlite.cli._group import describe, explained, fail, say_where
from cnnlite.cli.config import ConfigError, TrainConfig

if TYPE_CHECKING:
    from cnnlite.data import Dataset
    from cnnlite.training.solver import Solver

AUGMENT = "crop,flip"  # what --augment without names is
RESUMABLE = {"epochs", "threads", "data_dir"}  # what may differ between a run and its continuation


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _click_option(option: Field[Any]) -> Any:
    """The flag of one field of TrainConfig; its default is None, so that a file can give it."""
    kind = configuration.value_type(option)
    flag, text = _flag(option.name), option.metadata["help"]
    if option.name == "augment":  # with a value or without
        command = click.option(
            flag, option.name, is_flag=False, flag_value=AUGMENT, metavar="[NAMES]", help=text
        )
        without = click.option(f"--no-{flag[2:]}", is_flag=True, help="No augmentation.")
        return lambda function: command(without(function))
    if kind is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", option.name, default=None, help=text)
    if option.default is not None:
        text += f"  [default: {option.default}]"
    return click.option(flag, option.name, type=kind, default=None, help=text)


def _config_flags(command: Any) -> Any:
    for option in reversed(configuration.options()):
        command = _click_option(option)(command)
    return command


@click.command()
@_config_flags
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    help="TOML file of these options; flags win.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder.  [default: runs/NUMBER-MODEL]"
)
@click.option("--resume", type=click.Path(path_type=Path), help="Continue the run in this folder.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def train(
    file: Path | None, out: Path | None, resume: Path | None, quiet: bool, **flags: Any
) -> int:
    """Train a network and write a run folder: configuration, history, weights, curves."""
    if flags.pop("no_augment"):
        flags["augment"] = False
    given = {name: value for name, value in flags.items() if value is not None}
    with explained(ConfigError, OSError):
        config = _resume_config(resume, given, file, out) if resume else _new_config(file, given)
    return _train(config, out, resume, verbose=not quiet)


def _new_config(file: Path | None, given: dict[str, Any]) -> TrainConfig:
    config = configuration.read(file) if file else TrainConfig()
    return configuration.checked(config, given, _flag)


def _resume_config(
    run: Path, given: dict[str, Any], file: Path | None, out: Path | None
) -> TrainConfig:
    from cnnlite.cli import runs

    fixed = [_flag(name) for name in given if name not in RESUMABLE]
    fixed += ["--config"] * (file is not None) + ["--out"] * (out is not None)
    if fixed:
        fail(f"{fixed[0]} cannot be given with --resume: the run's own {runs.CONFIG} holds")
    config = runs.read_config(run)
    if config.smoke and "epochs" in given:
        fail(f"--epochs cannot be given: {run} is a smoke test of one step; start a run without it")
    if not (run / runs.CHECKPOINT).is_file():
        fail(f"{run} cannot be continued: it has no {runs.CHECKPOINT}")
    return configuration.checked(config, given, _flag)


def _train(config: TrainConfig, out: Path | None, resume: Path | None, verbose: bool) -> int:
    import cnnlite
    from cnnlite.cli import runs

    if config.threads is not None:
        cnnlite.set_num_threads(config.threads)
    data = _load_data(config)
    # What the run folder notes must not depend on where, or with which data around, it is read.
    folder = config.data_dir and str(Path(config.data_dir).expanduser().resolve())
    config = replace(config, data=data.name, data_dir=folder)
    try:
        path = resume or runs.create(out, config.model)
    except FileExistsError as error:
        fail(describe(error))
    except OSError as error:
        fail(f"{describe(error)}: the run folder cannot be made; --out names another place")
    with ExitStack() as stack:
        with explained(FileExistsError):
            stack.enter_context(runs.held(path))
        return _train_into(path, config, data, bool(resume), verbose)


def _train_into(
    path: Path, config: TrainConfig, data: "Dataset", resume: bool, verbose: bool
) -> int:
    from cnnlite.cli import runs
    from cnnlite.cli.recorder import Recorder
    from cnnlite.training.interruption import TrainingDiverged

    try:
        solver = _solver(config, data, path, verbose, Recorder(path, config))
    except (ValueError, TypeError) as error:
        if not resume:
            path.rmdir()  # it holds nothing yet, and nothing will come
        fail(describe(error))
    if not resume:
        with explained(OSError):
            runs.write_record(path, config, data)

    status, losses = 0, solver.loss_history
    try:
        with explained(OSError, ValueError), warnings.catch_warnings():
            warnings.simplefilter("always")  # lines on stderr, each time
            solver.resume() if resume else solver.train()
    except TrainingDiverged as error:
        click.echo(f"cnnlite train: {error}", err=True)
        status, losses = 1, error.loss_history
    if solver.interrupted:
        status = 128 + (solver.interrupted_by or signal.SIGINT)
        again = f"cnnlite train --resume {shlex.quote(str(path))}"
        click.echo(f"cnnlite train: stopped; continue with: {again}", err=True)
    with explained(OSError):
        _draw(config, data, path, solver, losses)
    if not status:
        _finish(config, data, path, solver)
    return status


def _load_data(config: TrainConfig) -> "Dataset":
    from cnnlite import data

    with explained(OSError, ValueError):
        found = data.load(config.data, config.data_dir)
        say_where(found, config.data_dir)
    if found.name == "embedded" and config.data == "auto":
        click.echo(
            "CIFAR-10 is not on this machine, so this run uses the embedded data set, "
            "ten classes of drawn images.\n"
            "To get CIFAR-10: cnnlite data fetch cifar10 (170 MB), or name its folder: "
            "--data-dir FOLDER"
        )
    return found


def _solver(
    config: TrainConfig, data: "Dataset", path: Path, verbose: bool, *callbacks: Any
) -> "Solver":
    from cnnlite import SGD, CrossEntropyLoss, Solver
    from cnnlite.cli import runs
    from cnnlite.data import augmentation
    from cnnlite.models import MODELS

    names = AUGMENT if config.augment is True else config.augment
    return Solver(
        MODELS[config.model](rng=config.seed),
        data,
        loss=CrossEntropyLoss(label_smoothing=config.label_smoothing),
        optimizer=SGD(
            lr=config.lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            nesterov=config.nesterov,
        ),
        schedule=_schedule(config.schedule),
        augment=augmentation(names) if names and not config.overfit else None,
        batch_size=config.batch_size,
        num_epochs=1 if config.smoke else config.epochs,
        overfit=config.batch_size if config.smoke else config.overfit,
        seed=config.seed,
        callbacks=callbacks,
        checkpoint=path / runs.CHECKPOINT,
        verbose=verbose,
        drop_last=config.drop_last,
    )


def _schedule(name: str) -> Any:
    from cnnlite.optim.schedules import SCHEDULES

    # Where the class itself has no default: tenfold down at each third, or at 1/2 and 3/4 as in the
    # residual networks' paper.
    arguments: dict[str, tuple[Any, ...]] = {"step": (1 / 3,), "multistep": ((0.5, 0.75),)}
    return SCHEDULES[name](*arguments.get(name, ()))


def _draw(
    config: TrainConfig, data: "Dataset", path: Path, solver: "Solver", losses: Sequence[float]
) -> None:
    """Draw the curves of what was trained, however it ended."""
    from cnnlite.cli import runs
    from cnnlite.report import curves

    if losses:
        title = f"{config.model} on {data.name}"
        curves.save(solver.history, path / runs.CURVES, losses, title)


def _finish(config: TrainConfig, data: "Dataset", path: Path, solver: "Solver") -> None:
    """Measure the test accuracy of the best weights, and say where all is."""
    if config.overfit is None and not config.smoke:
        solver.model.load_state_dict(solver.best_params)
        accuracy = solver.check_accuracy(data["X_test"], data["y_test"])
        click.echo(
            f"validation accuracy {solver.best_val_acc:.2%}, test accuracy {accuracy:.2%} "
            f"({data.name}, weights of the best epoch)"
        )
    click.echo(f"run folder: {path}")
    sys.stdout.flush()
