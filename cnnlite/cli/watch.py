"""`cnnlite watch`: a run on a live page."""

import os
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnlite.cli import live_page
from cnnlite.cli._group import explained, fail
from cnnlite.terminal import printable

if TYPE_CHECKING:
    from cnnlite.cli.runs import Run
    from cnnlite.data import Dataset
    from cnnlite.report.seen import Seen

PERIOD = 0.5  # seconds between two looks at a folder


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--port", type=int, help="Of the page.  [default: the first free from 8765]")
@click.option("--open", "opened", is_flag=True, help="Open the page in a browser.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the official files.")
@click.option("--model", help="FILE.py:FUNCTION of a run with a network of your own.")
def watch(
    run: Path | None, port: int | None, opened: bool, data_dir: Path | None, model: str | None
) -> int:
    """Show RUN (the newest if left out) on a page that follows its training.

    A training that was started with cnnlite train --watch has a page of its own, from which it can
    be steered: its address is printed. Any other run is looked at only, until Ctrl-C.
    """
    import cnnlite
    from cnnlite.cli import runs
    from cnnlite.watch import address

    path = run or _newest()
    with explained(OSError, ValueError):
        runs.read_config(path)
    there = address.read(path)
    if there is not None and address.answers(there):
        if port is not None:
            fail(f"--port cannot be given: {printable(str(path))} has its page at {there}")
        _tell(there, opened)
        return 0
    page = live_page.checked(port)
    cnnlite.set_num_threads(1)  # the training needs the others more
    _serve(path, page.port, opened, _reader(path, data_dir, model))
    return 0


def _serve(path: Path, port: int | None, opened: bool, see: Callable[[], "Seen"]) -> None:
    """Serve a folder's page until Ctrl-C."""
    from cnnlite.watch import address
    from cnnlite.watch.folder import Folder
    from cnnlite.watch.server import Server

    if hasattr(os, "nice"):
        os.nice(10)  # the training goes first
    folder = Folder(path, see)
    folder.look()
    with explained(OSError):
        server = Server(folder, port, address.new_token())
    server.start()
    _tell(server.address, opened)
    click.echo(f"{printable(str(path))} is looked at only; Ctrl-C ends it")
    try:
        while server.alive:
            time.sleep(PERIOD)
            folder.look()
    except KeyboardInterrupt:
        folder.ended = "cnnlite watch has ended"
    finally:
        server.stop()


def _tell(page: str, opened: bool) -> None:
    click.echo(f"live page: {page}")
    if opened and not webbrowser.open(page):
        click.echo("no browser could be opened: open the address in one", err=True)


def _reader(path: Path, data_dir: Path | None, model: str | None) -> Callable[[], "Seen"]:
    """Return what reads all that there is to see of a run, whose data are loaded once."""
    from cnnlite.cli.seen_run import see_run

    context, loaded = click.get_current_context(), list["Dataset"]()

    def load(run: "Run", place: Path | None) -> "Dataset":
        if not loaded:
            loaded.append(run.data(place))
        return loaded[0]

    def see() -> "Seen":
        with context.scope(cleanup=False):  # it is called in another thread
            return see_run(path, part="val", data_dir=data_dir, model=model, load=load)

    return see


def _newest() -> Path:
    """Return the run folder under `runs` that was written to last, finished or not."""
    from cnnlite.cli import run_folders, runs

    begun = [file.parent for file in run_folders.RUNS.glob(f"*/{runs.CONFIG}")]
    if not begun:
        fail("there is no run under runs/: train one with cnnlite train, or name a run folder")
    return max(begun, key=_written)


def _written(run: Path) -> int:
    from cnnlite.cli import runs

    files = (run / name for name in (runs.CONFIG, runs.HISTORY, runs.CHECKPOINT))
    return max((file.stat().st_mtime_ns for file in files if file.is_file()), default=0)
