"""`cnnlite data`: get CIFAR-10, check it, look at it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cnnlite.cli._group import Commands, explained, fail, say_where, show_table

WIDE_ENOUGH_FOR_A_BAR = 60

_folder = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder that holds CIFAR-10.  [default: CNNLITE_DATA, or the user's cache folder]",
)


@click.group(
    cls=Commands,
    commands_at={name: f"cnnlite.cli.data:{name}" for name in ("fetch", "verify", "show")},
)
def data() -> None:
    """Get CIFAR-10, check it, look at it."""


@click.command()
@click.argument("name", type=click.Choice(["cifar10"]), default="cifar10")
@_folder
def fetch(name: str, data_dir: Path | None) -> None:
    """Download CIFAR-10 (170 MB), verify it, and convert it to the cache.

    A download that was interrupted goes on where it stopped.
    """
    from cnnlite import data

    with _download_bar(name) as progress, explained(OSError, ValueError):
        folder = data.fetch(data_dir, progress)
    click.echo(f"{name} is in {folder}")


@contextmanager
def _download_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar that appears with the first bytes; yields what is told how many there are."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from cnnlite.terminal import console

    screen = console(sys.stderr)
    bar = [BarColumn()] if screen.width >= WIDE_ENOUGH_FOR_A_BAR else []
    columns = (TextColumn(name), *bar, DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen) as progress:
        task = progress.add_task(name, total=None, visible=False)
        yield lambda have, total: progress.update(task, completed=have, total=total, visible=True)


@click.command()
@_folder
def verify(data_dir: Path | None) -> int:
    """Read each file of CIFAR-10 and compare it with the published one."""
    from cnnlite import data

    with explained(OSError, ValueError):
        reports = data.verify(data_dir)
    show_table(
        ("file", "status", "what it holds"),
        [(report.path.name, report.status, report.detail) for report in reports],
    )
    click.echo(f"in {reports[0].path.parent}")
    wrong = [report for report in reports if report.status in ("missing", "damaged")]
    if len(wrong) == len(reports):
        fail(f"CIFAR-10 is not in {reports[0].path.parent.parent}: cnnlite data fetch cifar10")
    if wrong:
        click.echo(f"cnnlite data verify: {wrong[0].path} is {wrong[0].status}", err=True)
    return 1 if wrong else 0


@click.command()
@_folder
@click.option("--name", default="auto", help="cifar10, embedded, or auto.  [default: auto]")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("data.png"), show_default=True,
    help="Picture to write.",
)  # fmt: skip
@click.option("--augment", metavar="NAMES", help="Draw them augmented, as train --augment NAMES.")
def show(data_dir: Path | None, name: str, out: Path, augment: str | None) -> None:
    """Describe the data set, and draw the first images of each class."""
    from cnnlite import data
    from cnnlite.report import sheet

    with explained(OSError, ValueError):
        found: Any = data.load(name, data_dir)
    say_where(found, data_dir)
    click.echo(found)
    drawn, title = found, f"{found.name}: the first training images of each class"
    if augment is not None:
        with explained(ValueError):
            drawn, title = _augmented(found, augment), f"{found.name}, augmented: {augment}"
    try:
        with explained(OSError, ValueError):
            sheet.save(drawn, found.class_names, out, title)
    except ImportError:
        click.echo('no picture: it needs Pillow, pip install "cnnlite[viz]"')
        return
    click.echo(f"the first images of each class, one class a row: {out}")


def _augmented(found: Any, names: str) -> dict[str, Any]:
    """The first training images of each class, as they are in the first epoch of a training."""
    import numpy as np

    from cnnlite.data import augmentation, batches

    X, y = found["X_train"], found["y_train"]
    index = np.concatenate([np.flatnonzero(y == label)[:10] for label in np.unique(y)])
    return {
        "X_train": batches.changed(X, index, augmentation(names), 0, 0),
        "y_train": y[index],
    }
