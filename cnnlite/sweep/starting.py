"""What comes before the first trial: is all there that trials need, and who trains them?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cnnlite
from cnnlite.cli.config import ConfigError
from cnnlite.cpus import default_num_threads
from cnnlite.installed import is_installed
from cnnlite.sweep import workers
from cnnlite.sweep.asked import SAMPLERS, Asked, in_a_line
from cnnlite.sweep.running import Running
from cnnlite.sweep.trial import at_home, check_trial, forget_data

__all__ = ["check_packages", "check_trials", "run_all", "shared_out"]

WITHOUT_OTHERS = (
    "lr", "momentum", "weight_decay", "clip_norm", "ema", "label_smoothing", "seed", "threads",
    "keep", "every_steps", "patience",
)  # fmt: skip
"""Options whose good values let a trial begin whatever the other options are."""


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
    check_packages(asked)
    running = Running(asked, folder, show)
    count, threads = shared_out(asked, count)
    if address is not None:
        threads = asked.fixed.get("threads", 1)
    before = cnnlite.get_num_threads()
    try:
        check_trials(asked, running.record["home"])
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


def check_packages(asked: Asked) -> None:
    """Raise ConfigError unless Optuna is there, and what its sampler needs."""
    if asked.search != "optuna":
        return
    if not is_installed("optuna"):
        raise ConfigError("search = \"optuna\" needs optuna: pip install 'cnnlite[sweep]'")
    missing = [name for name in SAMPLERS[asked.sampler] if not is_installed(name)]
    if missing:
        raise ConfigError(
            f'sampler = "{asked.sampler}" needs {" and ".join(missing)}: '
            f"pip install {' '.join(missing)}"
        )


def check_trials(asked: Asked, home: str) -> None:
    """Begin each trial that is known, as far as its first step, before there is any work.

    Args:
        asked: the sweep.
        home: the folder that paths among its options begin in.

    Raises:
        ConfigError: a trial would not begin; the message says with which options.
        OSError: a file is not there.
    """
    seen = set()
    for options in asked.known:
        every = at_home({**asked.fixed, **options, "seed": asked.seeds[0]}, home)
        parts = {name: value for name, value in every.items() if name not in WITHOUT_OTHERS}
        if (key := json.dumps(parts, sort_keys=True)) in seen:
            continue
        seen.add(key)
        try:
            check_trial(every)
        except ConfigError as error:
            raise ConfigError(f"with {in_a_line(options)}: {error}") from None


def _told(running: Running, crew: workers.Workers, threads: int) -> str:
    """Return a sweep in a line, before it begins."""
    total, each = running.total, f"{threads} thread{'s' * (threads != 1)}"
    text = f"{running.record['search']} over {', '.join(running.asked.differing)}: {total} trials"
    text += f", {running.ended} of them done before" if running.ended else ""
    return f"{text}; {crew.at_once} at once, {each} each, by {crew.what}"
