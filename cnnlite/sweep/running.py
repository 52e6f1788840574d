"""A sweep from its beginning, or from where it was ended, to its end."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import cnnlite
from cnnlite.cli import run_folders, runs
from cnnlite.cli.config import ConfigError, is_own
from cnnlite.cli.machine import machine
from cnnlite.cli.own_model import OwnModel
from cnnlite.cpus import default_num_threads
from cnnlite.files import replace_file
from cnnlite.installed import is_installed
from cnnlite.report.sweep import ENDED, RECORD, Sweep, Trial, mean_score, read_trials, score
from cnnlite.sweep import results, workers
from cnnlite.sweep.asked import Asked, read, resolved
from cnnlite.sweep.plans import Configuration, plan
from cnnlite.sweep.space import Choices, drawn
from cnnlite.sweep.trial import SESSION, Job, at_home, load, write_trial
from cnnlite.training.interruption import Interrupt

if TYPE_CHECKING:
    import signal

__all__ = ["Running", "differences", "shared_out"]

DATA = ("data", "data_dir", "size", "grey", "fit", "skip_broken")
"""The options that say which data set a trial has."""


class Running:
    """A sweep in its folder.

    Args:
        asked: the sweep.
        folder: an empty one, or that of the same sweep.
        show: is given each line for people.

    Attributes:
        trials: by number, those that have begun.
        interrupted_by: the signal that ended the sweep, or None.

    Raises:
        OSError, ConfigError: the folder is of another sweep, its table is, or a file is damaged.
    """

    def __init__(self, asked: Asked, folder: Path, show: Callable[[str], None]) -> None:
        self.asked, self.folder, self.show = asked, folder, show
        self.over = list(asked.over)
        self.trials: dict[int, Trial] = {}
        self.interrupted_by: signal.Signals | None = None
        self._session = uuid.uuid4().hex
        self.record = self._record()
        with _in_words():
            self.trials = {t.number: t for t in read_trials(folder, self.record["id"])}
            results.check(folder, list(self.trials.values()), self.over)

    @property
    def total(self) -> int:
        """How many trials there will be."""
        return self.asked.trials * len(self.asked.seeds)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to train."""
        ended = [trial.state in (*ENDED, "stopped") for trial in self.trials.values()]
        return len(ended) == self.total and all(ended)

    @property
    def sweep(self) -> Sweep:
        """The sweep as it is now, as a report sees it."""
        return Sweep(self.folder, self.record, [self.trials[n] for n in sorted(self.trials)])

    def check(self) -> None:
        """Load each data set, and read what trials begin with, before there is any work.

        Raises:
            ConfigError, OSError: something is not there.
        """
        asked, seen = self.asked, set()
        if asked.search == "optuna":
            values = {k: v.values for k, v in asked.over.items() if isinstance(v, Choices)}
            each = [{**asked.fixed, k: one} for k in values for one in values[k]] or [asked.fixed]
        else:
            found = drawn(asked.search, asked.over, asked.trials, asked.seed)
            each = [{**asked.fixed, **options} for options in found]
        for options in each:
            here = at_home(options, self.record["home"])
            parts = {key: here.get(key) for key in (*DATA, "init", "model")}
            if (key := json.dumps(parts)) in seen:
                continue
            seen.add(key)
            with _in_words(), click.Context(click.Command("sweep")).scope():
                if is_own(here.get("model", "")):
                    OwnModel.named(here["model"])
                if "init" in here:
                    runs.read_weights(Path(here["init"]))
                try:
                    load(resolved({k: v for k, v in here.items() if k in (*DATA, "recipe")}))
                except click.UsageError as error:
                    raise ConfigError(error.format_message()) from None

    def run(self, crew: workers.Workers, threads: int) -> None:
        """Train what is left, and write the tables as results come.

        Args:
            crew: who trains.
            threads: of each trial.

        Raises:
            OSError: the folder is in use, or cannot be written.
            ConfigError: what Optuna proposes is not what it had proposed.
        """
        with run_folders.held(self.folder), Interrupt(then=self._end_session) as interrupt:
            replace_file(self.folder / RECORD, (json.dumps(self.record, indent=2) + "\n").encode())
            replace_file(self.folder / SESSION, self._session.encode())
            try:
                self._write()
                self._follow_plan(crew, threads)
            finally:
                self._end_session()
                self.interrupted_by = interrupt.number

    def _follow_plan(self, crew: workers.Workers, threads: int) -> None:
        steps = plan(self.asked)
        stage = next(steps)
        while self._train(stage, crew, threads):
            merits = {
                configuration.number: mean_score(
                    [self.trials[n] for n in self._numbers(configuration)],
                    self.asked.metric,
                    configuration.epochs,
                )
                for configuration in stage
            }
            try:
                following = steps.send(merits)
            except StopIteration:
                following = []
            self._stop(stage, following)
            if not following:
                break
            stage = following

    def _train(self, stage: list[Configuration], crew: workers.Workers, threads: int) -> bool:
        """Train the trials of a stage that are not known yet; return whether all are now."""
        jobs = []
        for configuration in stage:
            seeds = zip(self._numbers(configuration), self.asked.seeds, strict=True)
            for number, seed in seeds:
                options = {**self.asked.fixed, **configuration.options, "seed": seed}
                self._check_same(number, options)
                before = self.trials.get(number)
                if before is not None and before.done(configuration.epochs):
                    continue
                jobs.append(self._job(number, options, configuration.epochs, crew, threads))
        if self.asked.rungs and jobs:
            self.show(f"to epoch {stage[0].epochs}: {len(jobs)} of {self.total} trials")
        waiting = [job for job in jobs if not self._failed_at_once(job)]
        results_ = crew.train(waiting, self._data) if waiting else iter(())
        for job, result in results_:
            if isinstance(result, str):
                before = self.trials.get(job.number, Trial(job.sweep, job.number, job.options))
                result = replace(before, state="failed", reason=result)
                write_trial(self.folder, result)
            if result.state != "waiting":
                self._take(result)
        return all(
            number in self.trials and self.trials[number].done(configuration.epochs)
            for configuration in stage
            for number in self._numbers(configuration)
        )

    def _failed_at_once(self, job: Job) -> bool:
        """Whether the options of a trial that Optuna proposed do not fit one another."""
        try:
            resolved(job.options)
        except ConfigError as error:
            failed = Trial(job.sweep, job.number, job.options, "failed", reason=str(error))
            write_trial(self.folder, failed)
            self._take(failed)
            return True
        return False

    def _job(
        self, number: int, options: dict[str, Any], epochs: int | None,
        crew: workers.Workers, threads: int,
    ) -> Job:  # fmt: skip
        return Job(
            folder=str(self.folder.absolute()),
            sweep=self.record["id"],
            session=self._session,
            number=number,
            options=options,
            home=self.record["home"],
            metric=self.asked.metric,
            epochs=epochs,
            threads=options.get("threads", threads),
            parent=crew.parent,
            version=cnnlite.__version__,
        )

    def _data(self, job: Job) -> Any:
        return load(resolved(at_home(job.options, job.home)))

    def _numbers(self, configuration: Configuration) -> range:
        count = len(self.asked.seeds)
        return range(configuration.number * count, (configuration.number + 1) * count)

    def _check_same(self, number: int, options: dict[str, Any]) -> None:
        """Raise ConfigError if a trial was begun with other options than the plan has for it."""
        if number in self.trials and self.trials[number].options != options:
            there, here = self.trials[number].options, options
            told = ", ".join(
                f"{key} is {there.get(key)} there, {here.get(key)} now"
                for key in {**there, **here}
                if there.get(key) != here.get(key)
            )
            raise ConfigError(
                f"trial {number} of {self.folder} was begun with other options: {told}; what "
                f"proposes them was {self.record['versions']} then, and is {versions()} now"
            )

    def _stop(self, stage: list[Configuration], following: list[Configuration]) -> None:
        """Note which trials successive halving has ended."""
        on = {configuration.number for configuration in following}
        for configuration in stage:
            for number in self._numbers(configuration) if configuration.number not in on else ():
                if self.trials[number].state == "paused":
                    stopped = replace(self.trials[number], state="stopped")
                    write_trial(self.folder, stopped)
                    self._take(stopped)

    def _take(self, trial: Trial) -> None:
        """Take over what a trial has come to, into the tables and onto the screen."""
        self.trials[trial.number] = trial
        self._write()
        if trial.state in (*ENDED, "stopped"):
            ended = sum(t.state in (*ENDED, "stopped") for t in self.trials.values())
            self.show(f"{ended:>{len(str(self.total))}}/{self.total}  {self.line(trial)}")

    def line(self, trial: Trial) -> str:
        """Return a trial in a line."""
        names = (*self.over, *(("seed",) if len(self.asked.seeds) > 1 else ()))
        options = " ".join(f"{name}={short(trial.options[name])}" for name in names)
        best = score(trial.values, self.asked.metric)
        told = "" if best is None else f"{self.asked.metric} {best:.4f}  "
        told += f"epochs {len(trial.values)}  {trial.seconds:.1f} s  {options}"
        reason = f": {trial.reason.partition(':')[0]}" if trial.reason else ""
        return f"trial {trial.number:<3} {trial.state:<8}  {told}{reason}"

    def _write(self) -> None:
        results.write(self.folder, self.sweep.trials, self.over, self.asked.metric)

    def _end_session(self) -> None:
        with contextlib.suppress(OSError):
            (self.folder / SESSION).unlink(missing_ok=True)

    def _record(self) -> dict[str, Any]:
        """Return what sweep.json holds; of a sweep that is continued, what is there."""
        path, asked = self.folder / RECORD, self.asked
        there: dict[str, Any] = {}
        if path.is_file():
            with _in_words():
                there = json.loads(path.read_bytes())
                if not isinstance(there.get("asked"), dict):
                    raise ConfigError(f"{path} is damaged: it does not say what was asked for")
            wrong = differences(there["asked"], asked.tables)
            if wrong and not self._longer(there["asked"]):
                raise ConfigError(
                    f"{self.folder} is of a sweep that was asked for otherwise: {'; '.join(wrong)}; "
                    "--out names another folder"
                )
        return {
            "id": there.get("id", uuid.uuid4().hex),
            "asked": json.loads(json.dumps(asked.tables)),
            "search": asked.search if asked.search != "optuna" else f"Optuna's {asked.sampler}",
            "metric": asked.metric,
            "over": self.over,
            "log": [name for name, values in asked.over.items() if values.log],
            "seeds": list(asked.seeds),
            "rungs": asked.rungs,
            "trials": self.total,
            "home": there.get("home", os.getcwd()),
            "versions": there.get("versions", versions()),
            "environment": machine(),
        }

    def _longer(self, before: Mapping[str, Any]) -> bool:
        """Whether nothing differs but that there are more trials, which begin with the same."""
        tables = self.asked.tables
        now, then = tables.get("sweep", {}), before.get("sweep", {})
        more = now.get("trials", 0) > then.get("trials", 0)
        if not more or self.asked.rungs:
            return False
        same = {**tables, "sweep": {**now, "trials": then.get("trials")}}
        return not differences(before, same)


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each key of the tables of two sweeps that differs."""
    found = []
    for table in dict.fromkeys([*there, *here]):
        old, new = there.get(table, {}), here.get(table, {})
        for key in dict.fromkeys([*old, *new]):
            if json.dumps(old.get(key)) != json.dumps(new.get(key)):
                was = repr(old[key]) if key in old else "not given"
                now = repr(new[key]) if key in new else "not given"
                found.append(f"{key} in [{table}] is {was} there, {now} here")
    return found


def shared_out(asked: Asked, wanted: int | None) -> tuple[int, int]:
    """Return how many trials are trained at once on this machine, and the threads of each.

    All cores are used, none by two: as many trials as there are cores, a thread each, where
    nothing else is asked for and there are enough.
    """
    cpus = default_num_threads()
    given = asked.over.get("threads")
    each = max(given.tried) if given is not None else asked.fixed.get("threads")
    most = asked.trials * len(asked.seeds)
    count = wanted or max(1, min(cpus // (each or 1), most))
    return count, each or max(1, cpus // count)


def versions() -> dict[str, str]:
    """Return the versions of what may propose other trials than another version."""
    from importlib.metadata import version

    names = ("numpy", "optuna")
    return {name: version(name) for name in names if is_installed(name)}


def short(value: Any) -> str:
    """Return an option's value for a line, a number with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Turn what a damaged file raises into the words of its message."""
    try:
        yield
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from None


def read_again(folder: Path) -> Asked:
    """Return what the sweep of a folder was asked for.

    Raises:
        OSError, ConfigError: it is no sweep, or its record is damaged.
    """
    from cnnlite.report.sweep import read_sweep

    with _in_words():
        record = read_sweep(folder).record
    if not isinstance(record.get("asked"), dict):
        raise ConfigError(f"{folder / RECORD} is damaged: it does not say what was asked for")
    return read(record["asked"], str(folder / RECORD))


def run_all(
    asked: Asked,
    folder: Path,
    *,
    count: int | None = None,
    backend: str = "loky",
    address: str | None = None,
    show: Callable[[str], None] = print,
) -> Running:
    """Run a sweep, from its beginning or from where it was ended; the arguments are those of `run`."""
    workers.check(backend, address)
    if asked.search == "optuna" and not is_installed("optuna"):
        raise ConfigError("search = \"optuna\" needs optuna: pip install 'cnnlite[sweep]'")
    running = Running(asked, folder, show)
    running.check()
    count, threads = shared_out(asked, count)
    if address is not None:
        threads = asked.fixed.get("threads", 1)
    before = cnnlite.get_num_threads()
    try:
        with workers.connected(backend, address, count, threads) as crew:
            show(told(running, crew, threads))
            running.run(crew, threads)
    finally:
        cnnlite.set_num_threads(before)
    return running


def told(running: Running, crew: workers.Workers, threads: int) -> str:
    """Return a sweep in a line, before it begins."""
    ended = [t for t in running.trials.values() if t.state in (*ENDED, "stopped")]
    total, each = running.total, f"{threads} thread{'s' * (threads != 1)}"
    text = f"{running.record['search']} over {', '.join(running.asked.differing)}: {total} trials"
    text += f", {len(ended)} of them done before" if ended else ""
    return f"{text}; {crew.count} at once, {each} each, by {crew.what}"
