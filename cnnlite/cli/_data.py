"""Loads data for a command: by name or path, with a progress bar, and faults in one line."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnnlite.cli._group import explained, fail

if TYPE_CHECKING:
    from cnnlite.cli.config import TrainConfig
    from cnnlite.data import Dataset

__all__ = ["data_of", "keep_data", "load_named", "picture_options", "progress_bar", "view_options"]

WIDE_ENOUGH_FOR_A_BAR = 60


def picture_options(command: Any) -> Any:
    """Add the options that say how the pictures of a folder become images."""
    from cnnlite.data.pictures import FITS

    for option in reversed(
        (
            click.option("--size", type=click.IntRange(min=0), help="Side; 0 as they are."),
            click.option("--grey", is_flag=True, help="One channel."),
            click.option("--fit", type=click.Choice(FITS), default=FITS[0], help="How to fit."),
            click.option("--skip-broken", is_flag=True, help="Leave out broken pictures."),
        )
    ):
        command = option(command)
    return command


def view_options(command: Any) -> Any:
    """Add the options that say in which ways each image is looked at, as the argument `tta`."""
    from cnnlite.data.views import TTA

    mirror = click.option("--mirror", "tta", flag_value="mirror", help="The same as --tta mirror.")
    tta = click.option(
        "--tta", type=click.Choice(TTA), default=TTA[0], show_default=True,
        help="Take the mean over each image and its mirror image (mirror), and both of them moved "
        "by a pixel (translate).",
    )  # fmt: skip
    return tta(mirror(command))


def data_of(config: "TrainConfig") -> "Dataset":
    """Load the data set that a configuration names."""
    return load_named(
        config.data,
        config.data_dir,
        size=config.size,
        grey=config.grey,
        fit=config.fit,
        skip_broken=config.skip_broken,
        stream=config.stream,
    )


def load_named(
    name: str,
    root: Path | str | None = None,
    *,
    size: int | None = None,
    grey: bool = False,
    fit: str = "crop",
    skip_broken: bool = False,
    stream: bool = False,
) -> "Dataset":
    """Load a data set; what is wrong ends the command with one line.

    Args:
        name: a data set's name, or the path of a folder or of an .npz file.
        root: where the official files of a named one are.
        size, grey, fit, skip_broken, stream: of a folder of pictures; size None is the default, 0
            None.
    """
    from cnnlite import data
    from cnnlite.data.arrays import holds_arrays

    if name == "embedded" and root is not None:
        fail(f"--data-dir {root} is of no use: the embedded data set needs no folder")
    path = os.path.expanduser(name)
    own = name not in data.NAMES and os.path.isdir(path) and not holds_arrays(Path(path))
    if not own and (name in data.NAMES or os.path.lexists(path)):
        given = {"size": size is not None, "grey": grey, "fit": fit != "crop"}
        for flag, there in {**given, "skip-broken": skip_broken, "stream": stream}.items():
            if there:
                fail(f"--{flag} is for a folder of pictures, and {name} is none")
    if not own:
        with explained(OSError, ValueError, ImportError):
            found = data.load(name, root)
            _say_where(found, root)
            return found
    options: dict[str, Any] = {"grey": grey, "fit": fit, "skip_broken": skip_broken}
    options |= {"stream": stream}
    if size is not None:
        options["size"] = size or None
    done = [0, 0]
    try:
        with progress_bar("decoding", pictures=True) as progress:

            def report(have: int, total: int) -> None:
                done[:] = have, total
                progress(have, total)

            with explained(OSError, ValueError, ImportError):
                return data.load(name, root, progress=report, **options)
    except KeyboardInterrupt:
        if done[1]:
            kept = f"{done[0]} of {done[1]} pictures are decoded and kept"
            click.echo(f"cnnlite: {kept}: the same command goes on from there", err=True)
        raise


def keep_data(data: "Dataset", place: Path, run: bool = False) -> None:
    """Complain of an output that would take the place of data of one's own, or become part of it.

    Args:
        data: has been loaded.
        place: a file that is to be written, or a run's folder.
        run: whether it is a run's folder.
    """
    own = data.settings.get("path")
    if not own:
        return
    root, written = Path(os.path.realpath(own)), Path(os.path.realpath(place))
    if written == root:
        fail(f"--out {place} is the data itself, and is not written over")
    if run and root in written.parents:
        fail(f"--out {place} is in {own}, where it would be a class: choose another place")
    if root in written.parent.parents:  # beside the folders of the classes it does no harm
        fail(f"--out {place} is among the pictures of {own}, and would be one of them")


def _say_where(data: "Dataset", root: Any) -> None:
    """Say on stderr where CIFAR-10 was found, if that is not quite where it was looked for."""
    from cnnlite.data import find

    if data.settings["kind"] == "cifar10":
        note = find(root).note
        if note:
            click.echo(f"cnnlite: {note}", err=True)


@contextmanager
def progress_bar(name: str, pictures: bool = False) -> Iterator[Callable[[int, int], None]]:
    """On a terminal, show a progress bar from the first report on.

    Args:
        name: of what is done.
        pictures: whether pictures are counted, or bytes. The bar of pictures vanishes at its end.

    Yields:
        What is told how many there are, and how many there will be.
    """
    from rich import progress as rich

    from cnnlite.terminal import console

    screen = console(sys.stderr)
    bar = [rich.BarColumn()] if screen.width >= WIDE_ENOUGH_FOR_A_BAR else []
    number = rich.MofNCompleteColumn() if pictures else rich.DownloadColumn()
    columns = (rich.TextColumn(name), *bar, number, rich.TimeRemainingColumn())
    progress = rich.Progress(*columns, console=screen, transient=pictures)
    task = progress.add_task(name, total=None)

    def report(have: int, total: int) -> None:
        if screen.is_terminal:
            progress.start()  # once is enough, and more do no harm
            progress.update(task, completed=have, total=total)

    try:
        yield report
    finally:
        if screen.is_terminal:
            progress.stop()
