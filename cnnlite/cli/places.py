"""Where a command is going to write: found out before any work."""

import os
from pathlib import Path

from cnnlite.cli._group import fail
from cnnlite.terminal import printable

__all__ = ["check_place"]


def check_place(path: Path, remedy: str, folder: bool = False) -> None:
    """End the command if `path` cannot be written.

    A file is made and removed, because permissions do not tell what a drive or a container allows.

    Args:
        path: a file, of whose folder nothing is said if it is missing; or a folder, which is made
            later.
        remedy: the rest of the message, such as "--out names another place".
        folder: whether `path` is a folder.
    """
    if folder and path.exists() and not path.is_dir():
        fail(f"{printable(str(path))}: File exists, and is not a folder; {remedy}")
    there = wanted = path.absolute() if folder else path.absolute().parent
    while not os.path.lexists(there):
        there = there.parent
    if there != wanted and there.is_dir() and not folder:
        return  # each command has its own words for a folder that is missing
    trial = there / f".cnnlite-{os.getpid()}.tmp"
    try:
        os.close(os.open(trial, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        trial.unlink()
    except OSError as error:
        fail(f"the folder {printable(str(there))} cannot be written: {error.strerror}; {remedy}")
