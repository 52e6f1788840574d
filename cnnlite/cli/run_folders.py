"""Run folders as such: making them, keeping them for one process, finding the newest."""

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from cnnlite.cli._group import fail
from cnnlite.cli.runs import CHECKPOINT, CONFIG, WEIGHTS

RUNS = Path("runs")


def create(out: Path | None, model: str) -> Path:
    """Make an empty run folder.

    Args:
        out: the folder; None takes the next number under `runs`.
        model: the network's name, part of a numbered folder's name.

    Raises:
        FileExistsError: `out` exists and is not an empty folder.
    """
    if out is None:
        return numbered(RUNS, model)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        hint = "choose another folder with --out"
        if (out / CHECKPOINT).is_file():
            hint = f"continue it with --resume {out}, or {hint}"
        raise FileExistsError(f"{out} is there already and is not written over: {hint}")
    out.mkdir(parents=True, exist_ok=True)
    return out


def numbered(parent: Path, name: str) -> Path:
    """Make an empty folder with the next number, as `parent/001-name`."""
    if not parent.is_dir():
        try:
            parent.mkdir()
        except FileExistsError:  # a file, or a link that leads nowhere
            raise NotADirectoryError(errno.ENOTDIR, "it is not a folder", str(parent)) from None
    while True:
        numbers = [
            int(match[0]) for path in parent.glob("*") if (match := re.match(r"\d+", path.name))
        ]
        path = parent / f"{max(numbers, default=0) + 1:03d}-{name}"
        with contextlib.suppress(FileExistsError):  # another process was faster: look again
            path.mkdir()
            return path


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep a run folder for this process alone.

    The lock is the system's, on the folder itself: it is gone as soon as the process is, however
    that ends.  Windows has no such locks, nor have some network drives; there nothing is done.

    Raises:
        FileExistsError: another process has it.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(
                f"{path} is in use: another process is training into it"
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(folder)


def newest() -> Path | None:
    """The folder under `runs` whose weights were written last."""
    weights = sorted(RUNS.glob(f"*/{WEIGHTS}"), key=lambda path: path.stat().st_mtime_ns)
    return weights[-1].parent if weights else None


def newest_run(otherwise: str) -> Path:
    """Return the newest run folder with weights.

    Args:
        otherwise: what a user can do instead, for the line that is printed if there is none.
    """
    path = newest()
    if path is None:
        there = any(RUNS.glob(f"*/{CONFIG}"))
        what = (
            "no run under runs/ has finished an epoch" if there else "there is no run under runs/"
        )
        fail(f"{what}: train one with cnnlite train, or {otherwise}")
    return path
