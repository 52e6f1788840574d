"""One trial, in whatever process it is trained: an ordinary run folder, and what came of it."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import statistics
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

import cnnlite
from cnnlite.cli import run_folders, runs
from cnnlite.cli.adapted import adapted
from cnnlite.cli.config import ConfigError, TrainConfig, is_own
from cnnlite.cli.door import describe, load_named
from cnnlite.cli.own_model import OwnModel
from cnnlite.cli.parts import make_solver
from cnnlite.cli.recorder import Recorder
from cnnlite.cli.train import noted
from cnnlite.files import replace_file
from cnnlite.report import history
from cnnlite.report.sweep import TRIAL, Trial, trial_folder
from cnnlite.sweep.asked import resolved
from cnnlite.training.callbacks import Callback
from cnnlite.training.history import best_epoch
from cnnlite.training.interruption import TrainingDiverged
from cnnlite.training.rehearsal import rehearse

if TYPE_CHECKING:
    from cnnlite.data import Dataset
    from cnnlite.training.solver import Solver

__all__ = ["Job", "SESSION", "at_home", "forget_data", "load", "train_trial", "write_trial"]

SESSION = "session"
LOOK = 0.2
"""Seconds between two looks whether the sweep goes on."""
WAIT = 60.0
"""Seconds for a process of a sweep that was killed to leave its trial."""
MACHINES_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.ENODEV)
"""Errors of the system that no trial is to blame for: the sweep ends, to be continued."""


class Job(NamedTuple):
    """A trial that is to be trained, or trained on."""

    folder: str  # the sweep's
    sweep: str  # its name
    session: str  # for as long as the sweep's folder has this, trials are trained
    number: int
    options: dict[str, Any]
    home: str  # the folder that paths among the options begin in
    metric: str
    epochs: int | None  # None to the end
    threads: int
    parent: int | None  # the process without which it ends, if that is on this machine
    version: str  # of cnnlite


class Until(Callback):
    """End the training after some epochs, or when the sweep's session has ended.

    What it is set to differs each time, so that a training that it has ended goes on.
    """

    def __init__(self, job: Job) -> None:
        self.epochs, self.session = job.epochs, job.session
        self._file, self._parent = Path(job.folder) / SESSION, job.parent
        self._looked = time.monotonic()

    def before_train(self, solver: Any) -> None:
        self.after_epoch(solver)

    def after_epoch(self, solver: Any) -> None:
        if self.epochs is not None and self.epochs <= solver.epoch < solver.num_epochs:
            solver.stop()

    def after_step(self, solver: Any) -> None:
        now = time.monotonic()
        if now - self._looked > LOOK:
            self._looked = now
            if not self.goes_on():
                solver.stop()

    def goes_on(self) -> bool:
        """Return whether whoever wanted the trial is still there to want it."""
        if self._parent not in (None, os.getpid(), os.getppid()):
            return False
        try:
            return self._file.read_text() == self.session
        except OSError:
            return False


def train_trial(job: Job, data: Dataset | None = None) -> Trial:
    """Train a trial, from its checkpoint if it has one, and write its trial.json.

    Args:
        job: the trial.
        data: its data set; None loads it, once in a process.

    Returns:
        What it has come to. A state "paused" with fewer epochs than the job's means that the
        session has ended; "waiting", that it had before the trial was looked at.

    Raises:
        OSError: the sweep's folder is not there, in use, or cannot be written.
        RuntimeError: another version of cnnlite is here.
    """
    if job.version != cnnlite.__version__:
        here = f"{os.uname().nodename}" if hasattr(os, "uname") else "a worker"
        raise RuntimeError(f"{here} has cnnlite {cnnlite.__version__}, the sweep {job.version}")
    if not Path(job.folder).is_dir():
        raise FileNotFoundError(
            f"{job.folder} is not there for a worker: it must be on a disk that all machines see"
        )
    path = trial_folder(Path(job.folder), job.number)
    begun = Trial(job.sweep, job.number, job.options, session=job.session)
    if not Until(job).goes_on():
        return replace(begun, state="waiting")
    path.mkdir(parents=True, exist_ok=True)
    with _held(path):
        if (path / TRIAL).is_file():
            begun = Trial(**json.loads((path / TRIAL).read_bytes()))
            if begun.done(job.epochs):
                return begun
        return _trained(path, job, begun, data)


def write_trial(folder: Path, trial: Trial) -> None:
    """Write a trial's file; one that is there is replaced, wholly or not at all."""
    path = trial_folder(folder, trial.number)
    path.mkdir(parents=True, exist_ok=True)
    replace_file(path / TRIAL, trial.to_json().encode())


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keep a trial for this process; one of a session that was killed leaves it soon."""
    until = time.monotonic() + WAIT
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(run_folders.held(path))
                break
            except FileExistsError:
                if time.monotonic() > until:
                    raise
                time.sleep(LOOK / 2)
        yield


def _trained(path: Path, job: Job, begun: Trial, data: Dataset | None) -> Trial:
    folder = Path(job.folder)
    start = time.perf_counter()
    begun = replace(begun, state="running", session=job.session, reason="")
    write_trial(folder, begun)
    solver: Solver | None = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            solver, config, data = _made(path, job, data)
            solver.resume() if (path / runs.CHECKPOINT).is_file() else solver.train()
            ended = solver.epoch >= solver.num_epochs or _ended_itself(solver)
            state, reason = ("finished" if ended else "paused"), ""
        except TrainingDiverged as error:
            state, reason = "diverged", str(error)
            history.save_losses(error.loss_history, path / runs.LOSSES)
        except click.UsageError as error:
            state, reason = "failed", error.format_message()
        except Exception as error:
            _raise_if_the_machines(error)
            state, reason = "failed", describe(error) or type(error).__name__
    rows = [] if solver is None else solver.history
    values = [float(row[job.metric]) for row in rows]
    best = best_epoch(rows) or {}
    test_acc = None
    if state == "finished" and solver is not None and data is not None:
        test_acc = _test_accuracy(solver, config, data)
    found = replace(
        begun,
        state=state,
        reason=reason,
        values=values,
        best={key: float(value) for key, value in best.items()},
        test_acc=test_acc,
        seconds=begun.seconds + time.perf_counter() - start,
        images_per_second=statistics.median([r["images_per_second"] for r in rows] or [0.0]),
        warnings=sorted({*begun.warnings, *(str(warning.message) for warning in caught)}),
    )
    write_trial(folder, found)
    return found


_one_at_a_time = threading.Lock()
"""In a worker of Dask's, trials may be threads of one process, which has one standard output."""


def _made(path: Path, job: Job, given: Dataset | None) -> tuple[Solver, TrainConfig, Dataset]:
    """Return a trial's Solver, configuration and data set; its run folder has its record."""
    with _one_at_a_time, _quietly():
        cnnlite.set_num_threads(job.threads)
        made = make(at_home(job.options, job.home), path, given, Until(job))
        if not (path / runs.RECORD).is_file():
            runs.write_record(path, made.config, made.data, made.solver.normalization, made.own)
    return made.solver, made.config, made.data


class Made(NamedTuple):
    """What the options of a trial become."""

    solver: Solver
    config: TrainConfig
    data: Dataset
    own: OwnModel | None


def make(options: dict[str, Any], path: Path, given: Dataset | None, *callbacks: Any) -> Made:
    """Make what a trial is trained with; nothing is written.

    Args:
        options: with whole paths.
        path: the trial's run folder.
        given: its data set; None loads it.
        callbacks: of its Solver, beside its own.

    Raises:
        click.UsageError, OSError, ValueError, TypeError: the parts are missing, or do not fit one
            another.
    """
    config = resolved(options)
    data = load(config) if given is None else given
    config, _ = adapted(config, data, frozenset(options))
    own = OwnModel.named(config.model) if is_own(config.model) else None
    config = noted(config, data, own)
    weights = runs.read_weights(Path(config.init)) if config.init else None
    recorder = Recorder(path, config)
    solver = make_solver(config, data, own, weights, path, False, recorder, *callbacks)
    return Made(solver, config, data, own)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Let parts of commands run that end a command with a line, and print what they do."""
    with click.Context(click.Command("sweep")).scope(), contextlib.redirect_stdout(io.StringIO()):
        yield


def check_trial(options: dict[str, Any]) -> None:
    """Find out whether a trial would begin: make all, and take an image through it.

    A network of one's own is not made, which may do anything; its file is read.

    Args:
        options: with whole paths.

    Raises:
        ConfigError, OSError: it would not.
    """
    with _quietly(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if is_own(options.get("model", "")):
                OwnModel.named(options["model"])
                if "init" in options:
                    runs.read_weights(Path(options["init"]))
                load(resolved(options))
                return
            rehearse(make(options, Path(), None).solver)
        except click.UsageError as error:
            raise ConfigError(error.format_message()) from None
        except (ValueError, TypeError) as error:
            raise ConfigError(describe(error)) from None


def at_home(options: dict[str, Any], home: str) -> dict[str, Any]:
    """Return options whose paths begin at the root, wherever a worker is."""
    from cnnlite.data import NAMES

    found = dict(options)
    for key in ("model", "data", "data_dir", "init"):
        value = found.get(key)
        if value is None or (key == "data" and value in (*NAMES, "auto")):
            continue
        if key != "model" or is_own(value):
            found[key] = os.path.join(home, os.path.expanduser(value))
    return found


def load(config: TrainConfig) -> Dataset:
    """Return the data set of a configuration, loaded once in a process.

    Raises:
        click.UsageError: it cannot be loaded.
    """
    return _load(
        config.data, config.data_dir, config.size, config.grey, config.fit, config.skip_broken,
        config.stream,
    )  # fmt: skip


def forget_data() -> None:
    """Let go of the data sets that `load` has loaded: their files may change."""
    _load.cache_clear()


@lru_cache(maxsize=4)
def _load(
    name: str, root: str | None, size: int | None, grey: bool, fit: str, skip_broken: bool,
    stream: bool,
) -> Dataset:  # fmt: skip
    return load_named(
        name, root, size=size, grey=grey, fit=fit, skip_broken=skip_broken, stream=stream
    )


def _ended_itself(solver: Solver) -> bool:
    """Whether a callback of the training's own has ended it, as patience does."""
    by = solver.stopped_by
    return by is not None and by.name != Until.__qualname__


def _test_accuracy(solver: Solver, config: TrainConfig, data: Dataset) -> float | None:
    """Measure the weights of the best epoch on the test images, as `cnnlite train` does."""
    if config.overfit is not None or config.smoke or "X_test" not in data:
        return None
    solver.model.load_state_dict(solver.best_params)
    return float(solver.check_accuracy(data["X_test"], data["y_test"], tta=config.tta))


def _raise_if_the_machines(error: BaseException) -> None:
    """Raise an error on that no trial is to blame for, such as a full disk."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in MACHINES_FAULTS:
            raise error
        cause = cause.__cause__
