"""`cnnlite sweep`: many trainings, over a grid, by chance, or as Optuna proposes."""

import os
import shlex
import signal
from collections.abc import Sequence
from pathlib import Path

import click

from cnnlite.cli import run_folders
from cnnlite.cli.config import ConfigError
from cnnlite.cli.door import explained, fail, needs
from cnnlite.cli.places import check_place
from cnnlite.report.sweep import Sweep, is_sweep, read_sweep, score
from cnnlite.sweep.asked import Asked, programs, read, read_file
from cnnlite.sweep.record import read_again, record_of
from cnnlite.terminal import printable

SWEEPS = Path("sweeps")
SHOWN = 5
"""Configurations that are shown at the end."""


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[SWEEP.toml]")
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="Folder; one that is this sweep's is continued.  [default: sweeps/NUMBER-FILE]",
)  # fmt: skip
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Continue the sweep in this folder."
)
@click.option(
    "--workers", type=click.IntRange(1, 1024), help="Trials at once.  [default: all cores]"
)
@click.option(
    "--backend", default="loky", show_default=True,
    help="loky (processes of this machine), dask or ray.",
)  # fmt: skip
@click.option("--address", help="HOST:PORT of a cluster; without, dask and ray start one here.")
@click.option(
    "--model", "models", multiple=True, help="FILE.py:FUNCTION that the file names and you allow."
)
@click.option("--dry-run", is_flag=True, help="Check everything, list the trials, train nothing.")
@click.option(
    "--best", type=click.Path(path_type=Path), metavar="SWEEP",
    help="Write the best trial of a sweep's folder as a file for cnnlite train --config.",
)  # fmt: skip
def sweep(
    file: Path | None,
    out: Path | None,
    resume: Path | None,
    workers: int | None,
    backend: str,
    address: str | None,
    models: tuple[str, ...],
    dry_run: bool,
    best: Path | None,
) -> int:
    """Train many times, as SWEEP.toml says: a grid, by chance, or by a sampler of Optuna.

    Each trial has a run folder; results.csv has a row for each. A sweep that was ended goes on
    where it was, with --resume or by the same command.
    """
    if best is not None:
        if file is not None or resume is not None:
            fail("--best takes the folder of a sweep, and nothing is trained")
        return _best(best, out)
    if resume is not None and out is not None:
        fail("--out cannot be given with --resume, which names the folder")
    if file is None and resume is None:
        fail("missing SWEEP.toml, the file that says what is trained (see docs/use/sweeps.md)")
    with explained(ConfigError, OSError):
        asked = _asked(file, resume)
    for model in programs(asked):
        if model not in models:
            fail(f"the sweep names a program, which runs only if you name it: add --model {model}")
    needs("joblib", extra="sweep", what="cnnlite sweep")
    from cnnlite.sweep.starting import check_packages, check_trials, run_all
    from cnnlite.sweep.workers import check

    with explained(ConfigError):
        check(backend, address)
        check_packages(asked)
    if dry_run:
        with explained(ConfigError, OSError):
            there = resume or out
            check_trials(asked, record_of(asked, there)["home"] if there else os.getcwd())
        return _list(asked)
    folder = resume or out or _fresh(file)
    remedy = "copy the sweep to another place" if resume else "--out names another place"
    check_place(folder, remedy, folder=True)
    with explained(ConfigError, OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if not is_sweep(folder) and any(path.name[:1] != "." for path in folder.iterdir()):
            fail(f"{printable(str(folder))} is there already and is no sweep: --out names another")
        try:
            running = run_all(
                asked, folder, count=workers, backend=backend, address=address, show=_say
            )
        except BaseException as error:
            if not any(folder.iterdir()):
                folder.rmdir()  # it holds nothing yet, and nothing will come
            elif isinstance(error, KeyboardInterrupt):  # a second one
                _stopped(folder)
            raise
    if running.interrupted_by is not None or not running.complete:
        _stopped(folder)
        return 128 + (running.interrupted_by or signal.SIGINT)
    place = shlex.quote(str(folder))
    _summary(running.sweep, place)
    return 0


def _asked(file: Path | None, resume: Path | None) -> Asked:
    if resume is not None and not is_sweep(resume):
        raise ConfigError(f"{resume} cannot be continued: it is not the folder of a sweep")
    if file is not None:
        return read(read_file(file), str(file))
    assert resume is not None
    return read_again(resume)


def _fresh(file: Path | None) -> Path:
    assert file is not None
    with explained(OSError):
        return run_folders.numbered(SWEEPS, file.stem)


def _say(text: str) -> None:
    click.echo(printable(text))


def _stopped(folder: Path) -> None:
    again = f"cnnlite sweep --resume {shlex.quote(str(folder))}"
    click.echo(f"cnnlite sweep: stopped; continue with: {again}", err=True)


def _list(asked: Asked) -> int:
    total = asked.trials * len(asked.seeds)
    if asked.search == "optuna":
        click.echo(f"{total} trials, of which Optuna's {asked.sampler} says more when they run")
        return 0
    each = ({**options, "seed": seed} for options in asked.known for seed in asked.seeds)
    for number, options in enumerate(each):
        text = " ".join(f"{key}={value}" for key, value in options.items())
        click.echo(printable(f"trial {number:<3} {text}"))
    click.echo(f"{total} trials")
    return 0


def _summary(done: Sweep, place: str) -> None:
    """Print the best configurations, what was lost, and where to go on."""
    from cnnlite.sweep.running import short

    for rank, group in enumerate(done.ranked()[:SHOWN], 1):
        scores = [score(trial.values, done.metric) or 0.0 for trial in group]
        mean = sum(scores) / len(scores)
        names = [name for name in done.record["over"] if name != "seed"]
        told = " ".join(f"{name}={short(group[0].options[name])}" for name in names)
        spread = f" from {min(scores):.4f} to {max(scores):.4f}" if len(scores) > 1 else ""
        numbers = ", ".join(str(trial.number) for trial in group)
        _say(f"{rank}. {done.metric} {mean:.4f}{spread}  {told} (trial {numbers})")
    lost = _counted(done, ("diverged", "failed"))
    if lost:
        click.echo(f"cnnlite sweep: {lost}; results.csv says why", err=True)
    click.echo(f"page: cnnlite report {place}; best: cnnlite sweep --best {place}")
    click.echo(f"sweep: {place}")


def _counted(done: Sweep, states: Sequence[str]) -> str:
    counts = {state: sum(trial.state == state for trial in done.trials) for state in states}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def _best(folder: Path, out: Path | None) -> int:
    from cnnlite.sweep.best import BEST, write_best

    check_place(out or folder / BEST, "--out names another place")
    with explained(ConfigError, OSError):
        trial, path = write_best(folder, out)
        metric = read_sweep(folder).metric
    value = score(trial.values, metric)
    click.echo(f"trial {trial.number}: {metric} {value:.4f}")
    click.echo(f"train it again: cnnlite train --config {shlex.quote(str(path))}")
    return 0
