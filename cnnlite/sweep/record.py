"""The record of a sweep, by which it is known again when it is continued."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cnnlite.cli.config import ConfigError
from cnnlite.cli.machine import machine
from cnnlite.installed import is_installed
from cnnlite.report.sweep import RECORD, read_sweep
from cnnlite.sweep.asked import Asked, read

__all__ = ["differences", "in_words", "read_again", "record_of", "versions"]


def record_of(asked: Asked, folder: Path) -> dict[str, Any]:
    """Return what sweep.json of a sweep's folder holds; of one that is continued, what is there.

    Raises:
        ConfigError: the folder is of a sweep that was asked for otherwise; the message says how.
    """
    path = folder / RECORD
    there: dict[str, Any] = {}
    if path.is_file():
        with in_words():
            there = json.loads(path.read_bytes())
            if not isinstance(there.get("asked"), dict):
                raise ConfigError(f"{path} is damaged: it does not say what was asked for")
        wrong = differences(there["asked"], asked.tables)
        if wrong and not _longer(there["asked"], asked):
            raise ConfigError(
                f"{folder} is of a sweep that was asked for otherwise: {'; '.join(wrong)}"
                "; --out names another folder"
            )
    return {
        "id": there.get("id", uuid.uuid4().hex),
        "asked": json.loads(json.dumps(asked.tables)),
        "search": asked.search if asked.search != "optuna" else f"Optuna's {asked.sampler}",
        "metric": asked.metric,
        "over": list(asked.over),
        "log": [name for name, values in asked.over.items() if values.log],
        "seeds": list(asked.seeds),
        "rungs": asked.rungs,
        "trials": asked.trials * len(asked.seeds),
        "home": there.get("home", os.getcwd()),
        "versions": there.get("versions", versions()),
        "environment": machine(),
    }


def _longer(before: Mapping[str, Any], asked: Asked) -> bool:
    """Whether nothing differs but that there are more trials, which begin with the same."""
    tables = asked.tables
    now, then = tables.get("sweep", {}), before.get("sweep", {})
    more = now.get("trials", 0) > then.get("trials", 0)
    if not more or asked.rungs:
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


def read_again(folder: Path) -> Asked:
    """Return what the sweep of a folder was asked for.

    Raises:
        OSError, ConfigError: it is no sweep, or its record is damaged.
    """
    with in_words():
        record = read_sweep(folder).record
    if not isinstance(record.get("asked"), dict):
        raise ConfigError(f"{folder / RECORD} is damaged: it does not say what was asked for")
    return read(record["asked"], str(folder / RECORD))


def versions() -> dict[str, str]:
    """Return the versions of what may propose other trials than another version."""
    names = ("numpy", "optuna")
    return {name: version(name) for name in names if is_installed(name)}


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Turn what a damaged file raises into the words of its message."""
    try:
        yield
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from None
