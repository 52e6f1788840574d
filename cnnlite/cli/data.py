"""`cnnlite data`: get the official data sets, check them, look at any, draw one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnnlite.cli._data import keep_data, load_named, picture_options, progress_bar
from cnnlite.cli._group import Commands, describe, explained, fail, show_table
from cnnlite.cli.places import check_place

if TYPE_CHECKING:
    from cnnlite.data import Dataset

DRAWN = 100  # classes at most
NAMES = ("cifar10", "cifar100", "mnist", "fashion-mnist", "svhn")

_folder = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder of the official files.  [default: CNNLITE_DATA, or the user's cache folder]",
)
_name = click.argument("name", type=click.Choice(NAMES), default="cifar10", metavar="[NAME]")


@click.group(
    cls=Commands,
    commands_at={name: f"cnnlite.cli.data:{name}" for name in ("fetch", "verify", "show", "draw")},
)
def data() -> None:
    """Get the official data sets, check them, look at any, draw one."""


@click.command()
@_name
@_folder
def fetch(name: str, data_dir: Path | None) -> None:
    """Download NAME (CIFAR-10 if left out), verify it, and convert it to the cache.

    cifar10 has 170 MB, cifar100 169, mnist 12, fashion-mnist 31, svhn 246. A download that was
    interrupted goes on where it stopped.
    """
    from cnnlite import data

    with progress_bar(name) as progress, explained(OSError, ValueError):
        try:
            folder = data.fetch(data_dir, progress, name=name)
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            fail(f"{describe(error)}; --data-dir names another folder")
    click.echo(f"{name} is in {folder}")


@click.command()
@_name
@_folder
def verify(name: str, data_dir: Path | None) -> int:
    """Read each file of NAME (CIFAR-10 if left out) and compare it with the published one."""
    from cnnlite import data

    with explained(OSError, ValueError):
        reports = data.verify(data_dir, name)
    show_table(
        ("file", "status", "what it holds"),
        [(report.path.name, report.status, report.detail) for report in reports],
    )
    click.echo(f"in {reports[0].path.parent}")
    wrong = [report for report in reports if report.status in ("missing", "damaged")]
    if len(wrong) == len(reports):
        title = "CIFAR-10" if name == "cifar10" else name
        fail(f"{title} is not in {reports[0].path.parent.parent}: cnnlite data fetch {name}")
    if wrong:
        click.echo(f"cnnlite data verify: {wrong[0].path} is {wrong[0].status}", err=True)
    return 1 if wrong else 0


@click.command()
@_folder
@click.option(
    "--data", "--name", "name", default="auto", show_default=True,
    help="Name of a data set, folder of pictures, or .npz file.",
)  # fmt: skip
@picture_options
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("data.png"), show_default=True,
    help="Picture to write.",
)  # fmt: skip
@click.option("--augment", metavar="NAMES", help="Draw them augmented, as train --augment NAMES.")
def show(name: str, data_dir: Path | None, out: Path, augment: str | None, **pictures: Any) -> None:
    """Describe a data set, and draw the first images of each class."""
    from cnnlite.report import sheet

    check_place(out, "--out names another place")
    found = load_named(name, data_dir, **pictures)
    keep_data(found, out)
    click.echo(found)
    drawn = _first(found)
    title = f"{found.name}: the first training images of each class"
    if augment is not None:
        with explained(ValueError):
            images = _augmented(found, drawn["index"], augment)
        drawn, title = {**drawn, "X_train": images}, f"{found.name}, augmented: {augment}"
    try:
        with explained(OSError, ValueError):
            sheet.save(drawn, found.class_names, out, title)
    except ImportError:
        click.echo('no picture: it needs Pillow, pip install "cnnlite[viz]"')
        return
    classes = len(found.class_names)
    which = "each class" if classes <= DRAWN else f"the first {DRAWN} of {classes:,} classes"
    click.echo(f"the first images of {which}, one class a row: {out}")


def _first(found: Dataset) -> dict[str, Any]:
    """The first training images of the first classes, their labels, and where they stand."""
    import numpy as np

    y = found["y_train"]
    index = np.concatenate([np.flatnonzero(y == label)[:10] for label in np.unique(y)[:DRAWN]])
    return {"X_train": found["X_train"][index], "y_train": y[index], "index": index}


def _augmented(found: Dataset, index: Any, names: str) -> Any:
    """Some training images as they are in the first epoch of a training."""
    from cnnlite.data import augmentation, batches

    return batches.changed(found["X_train"], index, augmentation(names), 0, 0)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--classes", type=int, default=2, show_default=True, help="2 to 10.")
@click.option("--per-class", type=int, default=100, show_default=True, help="Pictures.")
@click.option("--size", type=int, default=64, show_default=True, help="Their side in pixels.")
@click.option("--seed", type=int, default=0, show_default=True, help="Other pictures.")
def draw(folder: Path, classes: int, per_class: int, size: int, seed: int) -> None:
    """Draw pictures into FOLDER, with a folder for each class, to try things with."""
    from cnnlite import data

    check_place(folder, "FOLDER may be in another place", folder=True)
    with explained(OSError, ValueError, ImportError):
        data.draw_folder(folder, classes, per_class, size, seed)
    click.echo(f"{classes * per_class} pictures of {classes} classes are in {folder}")
