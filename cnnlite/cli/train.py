"""`cnnlite train`: train a network of the zoo and keep the run in a folder."""

import json
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnnlite.cli import config as configuration
from cnnlite.cli import config_file, keeping, live_page, recipes
from cnnlite.cli._data import data_of, keep_data
from cnnlite.cli._group import describe, explained, fail
from cnnlite.cli.adapted import adapted
from cnnlite.cli.config import ConfigError, TrainConfig, is_own
from cnnlite.cli.config_checks import checked
from cnnlite.cli.flags import config_flags, flag_of, given_flags, new_config
from cnnlite.cli.places import check_place
from cnnlite.environment import launched
from cnnlite.terminal import printable

if TYPE_CHECKING:
    from cnnlite.cli.live_page import LivePage
    from cnnlite.cli.own_model import OwnModel
    from cnnlite.data import Dataset
    from cnnlite.training.solver import Solver

PROFILED = 10
"""Steps that --profile measures where it says no number."""
SHORT = 12
"""Epochs in which ReduceLROnPlateau, as it is by default, does not come to lower a rate in time."""
RESUMABLE = {"epochs", "threads", "data_dir", "patience", "every_steps", "keep"}
"""What may differ between a run and its continuation."""


@click.command()
@config_flags
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    help="TOML file of these options; flags win, and none takes back what has no default.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder.  [default: runs/NUMBER-MODEL]"
)
@click.option("--resume", type=click.Path(path_type=Path), help="Continue the run in this folder.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.option(
    "--profile",
    type=click.IntRange(min=1),
    is_flag=False,
    flag_value=PROFILED,
    metavar="[STEPS]",
    help=f"Measure so many steps ({PROFILED}), layer by layer, show where their time goes, go on.",
)
@click.option("--watch", is_flag=True, help="Serve a live page, from which it can be steered.")
@click.option("--port", type=int, help="Of the live page.  [default: the first free from 8765]")
def train(
    file: Path | None,
    out: Path | None,
    resume: Path | None,
    quiet: bool,
    profile: int | None,
    watch: bool,
    port: int | None,
    **flags: Any,
) -> int:
    """Train a network and write a run folder: configuration, history, weights, curves."""
    given = given_flags(flags)
    with explained(ConfigError, OSError):
        if resume:
            config = _resume_config(resume, given, file, out)
        else:
            config = new_config(file, given)
    if given.get("keep") and not keeping.possible():
        click.echo(keeping.LEFT_OUT, err=True)
    if port is not None and not watch:
        fail("--port is that of the live page, and needs --watch")
    if profile is not None and config.shards > 1:
        fail(f"--profile measures whole batches, and --shards is {config.shards}: leave one out")
    place = launched()
    page = live_page.checked(port) if watch and not (place and place.rank) else None
    fit = partial(fitted, file=file, given=given)
    return _train(config, fit, given.get("model"), out, resume, not quiet, profile, page)


def fitted(
    config: TrainConfig, data: "Dataset", file: Path | None, given: dict[str, Any]
) -> TrainConfig:
    """Return a configuration whose recipe, if it has one, fits a data set, and say what changes."""
    fixed = {*given, *(config_file.keys(file) if file else ())}
    config, notes = adapted(config, data, frozenset(fixed))
    if config.recipe:
        click.echo(f"recipe {config.recipe}: {recipes.about(config.recipe)}")
    for note in notes:
        click.echo(f"adapted: {note}")
    return config


def _resume_config(
    run: Path, given: dict[str, Any], file: Path | None, out: Path | None
) -> TrainConfig:
    from cnnlite.cli import runs

    changes = {name: value for name, value in given.items() if name in RESUMABLE}
    fixed = [flag_of(name) for name in given if name not in {*RESUMABLE, "model"}]
    fixed += ["--config"] * (file is not None) + ["--out"] * (out is not None)
    if fixed:
        fail(f"{fixed[0]} cannot be given with --resume: the run's own {runs.CONFIG} holds")
    config = runs.read_config(run)
    changed = checked(config, changes, flag_of)
    if config.smoke and "epochs" in given:
        fail(f"--epochs cannot be given: {run} is a smoke test of one step; start a run without it")
    if not (run / runs.CHECKPOINT).is_file():
        fail(f"{run} cannot be continued: it has no {runs.CHECKPOINT}")
    return runs.moved(changed)


def _train(
    config: TrainConfig,
    fit: Callable[[TrainConfig, "Dataset"], TrainConfig],
    named: str | None,
    out: Path | None,
    resume: Path | None,
    verbose: bool,
    profile: int | None,
    page: "LivePage | None",
) -> int:
    import cnnlite
    from cnnlite.cli import ranked, run_folders, runs
    from cnnlite.cli.own_model import OwnModel, of_run
    from cnnlite.cli.parts import make_solver
    from cnnlite.cli.recorder import Recorder
    from cnnlite.training.callbacks import Profiler

    if config.threads is not None:
        cnnlite.set_num_threads(config.threads)
    with explained(OSError, ValueError):
        if resume:
            own = of_run(resume, config.model, named)
        else:
            own = OwnModel.named(config.model) if is_own(config.model) else None
        weights = None
        if config.init and not resume:
            weights = runs.read_weights(Path(config.init))
    if config.schedule == configuration.PLATEAU and config.epochs <= SHORT and not config.smoke:
        click.echo(
            f"cnnlite train: --schedule plateau changes nothing in {config.epochs} epochs: it "
            "waits for more than ten without a lower validation loss",
            err=True,
        )
    ranks = ranked.joined()
    with ranked.first_before_others(ranks):  # else each would convert what is not converted yet
        data = load_data(config)
    if not resume:
        config = fit(config, data)
        if ranks.first:
            keep_data(data, out or run_folders.RUNS, run=True)
    config = noted(config, data, None if resume else own)
    try:
        name = own.file.stem if own else config.model
        path = resume or Path(ranked.told(ranks, lambda: str(run_folders.create(out, name))))
    except FileExistsError as error:
        fail(describe(error))
    except OSError as error:
        where = printable(str((out or run_folders.RUNS).absolute().parent))
        fail(
            f"{describe(error)}: the run folder cannot be made in {where}; "
            "--out names another place"
        )
    # An empty folder may have been there already, and a run may have been moved.
    remedy = "copy the run to another place" if resume else "--out names another place"
    check_place(path, remedy, folder=True)
    with ExitStack() as stack:
        if ranks.first:
            with explained(FileExistsError):
                stack.enter_context(run_folders.held(path))
            with explained(OSError):
                (path / runs.RESULT).unlink(missing_ok=True)  # of a training that goes on
        try:
            recorder = Recorder(path, config)
            solver = make_solver(config, data, own, weights, path, verbose, recorder)
        except (ValueError, TypeError) as error:
            if not resume and ranks.first:
                path.rmdir()  # it holds nothing yet, and nothing will come
            fail(describe(error))
        if profile is not None:
            solver.callbacks.insert(0, Profiler(profile, path / runs.PROFILE))
        if page is not None:
            solver.callbacks.append(page.callback(path))  # after what it shows
        if not resume and ranks.first:
            with explained(OSError):
                runs.write_record(path, config, data, solver.normalization, own)
        return _run(path, config, data, solver, bool(resume))


def noted(config: TrainConfig, data: "Dataset", own: "OwnModel | None") -> TrainConfig:
    """Return a configuration as a run folder notes it.

    It does not depend on where, or with which data around, it is read.

    Args:
        config: the run's.
        data: its data set.
        own: its network of one's own, if that is to be noted by where it is.
    """
    return replace(
        config,
        data=_absolute(data.settings["path"]) or data.name,
        data_dir=_absolute(config.data_dir),
        init=_absolute(config.init),
        model=f"{_absolute(str(own.file))}:{own.function}" if own else config.model,
    )


def _absolute(path: str | None) -> str | None:
    """Return the whole path of something, as the run folder notes it."""
    if path is None:
        return None
    whole = str(Path(path).expanduser().resolve())
    try:
        whole.encode()
    except UnicodeEncodeError:
        fail(f"{printable(whole)} cannot be noted in a run folder: rename it in letters of UTF-8")
    return whole


def _run(path: Path, config: TrainConfig, data: "Dataset", solver: "Solver", resume: bool) -> int:
    from cnnlite.cli import runs
    from cnnlite.report import history
    from cnnlite.training.interruption import TrainingDiverged

    status, losses = 0, solver.loss_history
    try:
        with explained(OSError, ValueError), warnings.catch_warnings():
            warnings.simplefilter("always")  # lines on stderr, each time
            solver.resume() if resume else solver.train()
    except TrainingDiverged as error:
        click.echo(f"cnnlite train: {error}", err=True)
        status, losses = 1, error.loss_history
    solver.ranks.trained = True
    if solver.interrupted:
        status = 128 + (solver.interrupted_by or signal.SIGINT)
        again = f"cnnlite train --resume {shlex.quote(str(path))}"
        click.echo(f"cnnlite train: stopped; continue with: {again}", err=True)
    if not solver.ranks.first:
        return status
    with explained(OSError):
        if status == 1:
            history.save_losses(losses, path / runs.LOSSES)  # those of steps taken back, too
        _draw(config, data, path, solver, losses)
    if not status:
        _finish(config, data, path, solver)
    return status


def load_data(config: TrainConfig) -> "Dataset":
    """Load a configuration's data set, and say where it is another one than was hoped for."""
    found = data_of(config)
    if config.data == "auto" and found.settings["kind"] == "embedded":
        click.echo(
            "CIFAR-10 is not on this machine, so this run uses the embedded data set, "
            "ten classes of drawn images.\n"
            "To get CIFAR-10: cnnlite data fetch cifar10 (170 MB), or name its folder: "
            "--data-dir FOLDER"
        )
    return found


def _draw(
    config: TrainConfig, data: "Dataset", path: Path, solver: "Solver", losses: Sequence[float]
) -> None:
    """Draw the curves of what was trained, however it ended."""
    from cnnlite.cli import runs
    from cnnlite.report import curves

    if losses:
        title = f"{Path(config.model).name} on {data.name}"
        curves.save(solver.history, path / runs.CURVES, losses, title)


def _finish(config: TrainConfig, data: "Dataset", path: Path, solver: "Solver") -> None:
    """Measure the test accuracy of the best weights, keep it, and say where all is."""
    from cnnlite.cli import runs
    from cnnlite.files import replace_file
    from cnnlite.report.events import sentences

    if config.overfit is None and not config.smoke:
        text = f"validation accuracy {solver.best_val_acc:.2%}"
        result = {"val_accuracy": solver.best_val_acc}
        if "X_test" in data:
            solver.model.load_state_dict(solver.best_params)
            accuracy = solver.check_accuracy(data["X_test"], data["y_test"])
            text += f", test accuracy {accuracy:.2%}"
            result["test_accuracy"] = accuracy
            if config.tta != "none":
                accuracy = solver.check_accuracy(data["X_test"], data["y_test"], tta=config.tta)
                text += f" ({accuracy:.2%} with --tta {config.tta})"
                result["test_accuracy_tta"] = accuracy
        with explained(OSError):
            replace_file(path / runs.RESULT, (json.dumps(result, indent=2) + "\n").encode())
        click.echo(f"{text} ({data.name}, weights of the best epoch)")
    for text in sentences(solver.events):
        click.echo(text)
    click.echo(f"run folder: {path}")
    sys.stdout.flush()
