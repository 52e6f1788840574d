"""`cnnlite curves`: the curves of runs, in one picture."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnlite.cli._group import explained, fail, without
from cnnlite.cli.places import check_place
from cnnlite.terminal import printable

if TYPE_CHECKING:
    from cnnlite.cli.config import TrainConfig
    from cnnlite.report.comparison import Curves

MOST = 40
"""Characters of a run's name in the picture."""


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The picture, a PNG.")
def curves(runs: tuple[Path, ...], out: Path) -> int:
    """Draw loss, accuracy and learning rate of one run or several.

    A run may be finished, interrupted, diverged, or still be trained.
    """
    from cnnlite.report import comparison

    if out.suffix.lower() != ".png":
        fail(f"--out {printable(str(out))}: the picture is a PNG, its name must end in .png")
    check_place(out, "--out names another place")
    with explained(OSError, ValueError):
        found = [_read(run, name) for run, name in zip(runs, names([*runs]), strict=True)]
    with explained(OSError), without(printable(str(out)), "matplotlib"):
        comparison.save(found, out)
        click.echo(f"picture: {printable(str(out))}")
    return 0


def _read(run: Path, name: str) -> "Curves":
    """Return the curves of a run folder.

    Raises:
        OSError, ValueError: it is none, a file is damaged, or there is nothing to draw yet.
    """
    from cnnlite.cli import runs
    from cnnlite.report import history
    from cnnlite.report.comparison import Curves

    config = runs.read_config(run)
    rows, losses = [], []
    if (run / runs.HISTORY).is_file():
        rows = history.load(run / runs.HISTORY)
    if (run / runs.LOSSES).is_file():  # runs of older versions have none
        losses = history.load_losses(run / runs.LOSSES)
    if not rows and not losses:
        raise ValueError(f"{run} has nothing to draw yet: no epoch was completed")
    steps = int(rows[0]["step"]) if rows else _steps_per_epoch(run, config, len(losses))
    return Curves(name, rows, losses, max(1, steps))


def _steps_per_epoch(run: Path, config: "TrainConfig", otherwise: int) -> int:
    """Return the steps of an epoch of which none was completed, where the record tells them."""
    from cnnlite.cli import runs

    try:
        images = int(json.loads((run / runs.RECORD).read_bytes())["images"]["train"])
    except (OSError, ValueError, KeyError, TypeError):
        return otherwise
    images = min(images, (config.batch_size if config.smoke else config.overfit) or images)
    whole, left = divmod(images, min(config.batch_size, images))
    return whole + (left > 0 and not config.drop_last)


def names(runs: Sequence[Path]) -> list[str]:
    """Return a short name for each folder: its last part, with those before it where two agree."""
    whole = [run.absolute().parts for run in runs]
    length = 1
    while length < max(map(len, whole)) and len({parts[-length:] for parts in whole}) < len(
        set(whole)
    ):
        length += 1
    shown = [printable("/".join(parts[-length:])) for parts in whole]
    return [name if len(name) <= MOST else f"...{name[3 - MOST :]}" for name in shown]
