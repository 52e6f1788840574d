"""A sweep from its beginning, or from where it was ended, to its end."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cnnlite
from cnnlite.cli import run_folders
from cnnlite.cli.config import ConfigError
from cnnlite.files import replace_file
from cnnlite.report.sweep import ENDED, RECORD, Sweep, Trial, mean_score, read_trials, score
from cnnlite.sweep import results, workers
from cnnlite.sweep.asked import Asked, resolved
from cnnlite.sweep.plans import Configuration, plan
from cnnlite.sweep.record import in_words, record_of, versions
from cnnlite.sweep.trial import SESSION, Job, at_home, load, write_trial
from cnnlite.training.interruption import Interrupt

if TYPE_CHECKING:
    import signal

__all__ = ["Running", "short"]


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
        self.record = record_of(asked, folder)
        with in_words():
            self.trials = {t.number: t for t in read_trials(folder, self.record["id"])}
            results.check(folder, list(self.trials.values()), self.over)

    @property
    def total(self) -> int:
        """How many trials there will be."""
        return self.asked.trials * len(self.asked.seeds)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to train."""
        return self.ended == self.total

    @property
    def ended(self) -> int:
        """How many trials have nothing left to be trained."""
        return sum(trial.state in (*ENDED, "stopped") for trial in self.trials.values())

    @property
    def sweep(self) -> Sweep:
        """The sweep as it is now, as a report sees it."""
        return Sweep(self.folder, self.record, [self.trials[n] for n in sorted(self.trials)])

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
            self.show(f"{self.ended:>{len(str(self.total))}}/{self.total}  {self.line(trial)}")

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


def short(value: Any) -> str:
    """Return an option's value for a line, a number with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
