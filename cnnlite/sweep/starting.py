"""What comes before the first trial: is all there that trials need, and who trains them?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

import cnnlite
from cnnlite.cli import runs
from cnnlite.cli.config import ConfigError, is_own
from cnnlite.cli.own_model import OwnModel
from cnnlite.cpus import default_num_threads
from cnnlite.installed import is_installed
from cnnlite.sweep import workers
from cnnlite.sweep.asked import Asked, resolved
from cnnlite.sweep.record import in_words
from cnnlite.sweep.running import Running
from cnnlite.sweep.space import Choices, drawn
from cnnlite.sweep.trial import at_home, forget_data, load

__all__ = ["run_all", "shared_out"]

DATA = ("data", "data_dir", "size", "grey", "fit", "skip_broken", "stream")
"""The options that say which data set a trial has."""


def run_all(
    asked: Asked,
    folder: Path,
    *,
    count: int | None = None,
    backend: str = "loky",
    address: str | None = None,
    show: Callable[[str], None] = print,
) -> Running:
    """Run a sweep, from its beginning or from where it was ended.

    Args:
        asked: the sweep.
        folder: its folder, which is there.
        count: trials that are trained at once on this machine; None, as many as fit its cores.
        backend, address, show: those of `cnnlite.sweep.run`.

    Raises:
        ConfigError, OSError: the sweep cannot be, or not go on.
    """
    workers.check(backend, address)
    if asked.search == "optuna" and not is_installed("optuna"):
        raise ConfigError("search = \"optuna\" needs optuna: pip install 'cnnlite[sweep]'")
    running = Running(asked, folder, show)
    check_inputs(asked, running.record["home"])
    count, threads = shared_out(asked, count)
    if address is not None:
        threads = asked.fixed.get("threads", 1)
    before = cnnlite.get_num_threads()
    try:
        with workers.connected(backend, address, count, threads) as crew:
            show(_told(running, crew, threads))
            running.run(crew, threads)
    finally:
        cnnlite.set_num_threads(before)
        forget_data()
    return running


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


def check_inputs(asked: Asked, home: str) -> None:
    """Load each data set, and read what trials begin with, before there is any work.

    Args:
        asked: the sweep.
        home: the folder that paths among its options begin in.

    Raises:
        ConfigError, OSError: something is not there.
    """
    seen = set()
    if asked.search == "optuna":
        values = {k: v.values for k, v in asked.over.items() if isinstance(v, Choices)}
        each = [{**asked.fixed, k: one} for k in values for one in values[k]] or [asked.fixed]
    else:
        found = drawn(asked.search, asked.over, asked.trials, asked.seed)
        each = [{**asked.fixed, **options} for options in found]
    for options in each:
        here = at_home(options, home)
        parts = {key: here.get(key) for key in (*DATA, "init", "model")}
        if (key := json.dumps(parts)) in seen:
            continue
        seen.add(key)
        with in_words(), click.Context(click.Command("sweep")).scope():
            if is_own(here.get("model", "")):
                OwnModel.named(here["model"])
            if "init" in here:
                runs.read_weights(Path(here["init"]))
            try:
                load(resolved({k: v for k, v in here.items() if k in (*DATA, "recipe")}))
            except click.UsageError as error:
                raise ConfigError(error.format_message()) from None


def _told(running: Running, crew: workers.Workers, threads: int) -> str:
    """Return a sweep in a line, before it begins."""
    total, each = running.total, f"{threads} thread{'s' * (threads != 1)}"
    text = f"{running.record['search']} over {', '.join(running.asked.differing)}: {total} trials"
    text += f", {running.ended} of them done before" if running.ended else ""
    return f"{text}; {crew.at_once} at once, {each} each, by {crew.what}"
