"""What a page shows of a run folder: all that can be read, and a sentence for what cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cnnlite.cli import own_model, runs
from cnnlite.cli._group import describe
from cnnlite.data import Dataset
from cnnlite.report.seen import Seen

__all__ = ["see_run"]


def see_run(
    path: Path,
    *,
    part: str | None = None,
    data_dir: Path | None = None,
    model: str | None = None,
    name: str | None = None,
    load: Callable[[runs.Run, Path | None], Dataset] = runs.Run.data,
    progress: Callable[[int], None] = lambda done: None,
) -> Seen:
    """Read a run, measure its network, and ask it of the images that it was trained for.

    Args:
        path: the run folder.
        part: which images; None are those for tests, or for validation if there are none.
        data_dir: where the data set is, if not where it was.
        model: FILE.py:FUNCTION of the command line, for a network of one's own.
        name: of the run; the folder's, if left out.
        load: loads its data set, from `data_dir` if that is given.
        progress: called with the number of images that are done.

    Raises:
        OSError, ConfigError: it is no run folder, or its configuration is damaged.
    """
    runs.read_config(path)
    notes: list[str] = []
    run = _tried(lambda: runs.open_run(path), "", notes)
    network = data = None
    if run is not None:
        if (path / runs.WEIGHTS).is_file():
            network = _tried(lambda: run.model(model), "The network cannot be shown: ", notes)
            data = _tried(lambda: load(run, data_dir), "The images cannot be shown: ", notes)
        else:
            notes.append("There are no weights yet, so the network was asked of no images.")
            network = _tried(lambda: _fresh(run, model), "The network cannot be shown: ", notes)
    if part is None:
        part = "val" if data is not None and "X_test" not in data else "test"
    normalization = None if run is None else run.normalization
    return Seen.from_run(
        path, network, data, normalization, part=part, name=name, notes=notes, progress=progress
    )


def _fresh(run: runs.Run, named: str | None) -> Any:
    own = own_model.of_run(run.path, run.config.model, named)
    return runs.make_model(run.config, own, len(run.class_names), run.image_shape)


def _tried(read: Callable[[], Any], what: str, notes: list[str]) -> Any:
    """Return what can be read, or None with a note."""
    try:
        return read()
    except (OSError, ValueError, ImportError) as error:
        reason = describe(error)
    except click.UsageError as error:  # a data set that cannot be loaded
        reason = error.format_message()
    notes.append(f"{what}{reason}")
    return None
