"""Files that are always whole: the old one or the new one is there, never a part of one."""

import contextlib
import glob
import io
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

__all__ = ["remove_drafts", "replace_file", "sync_folder", "whole_file", "write_all"]


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[io.FileIO]:
    """Open a file for writing that replaces `path` when the `with` block ends without an error.

    The bytes go to a draft beside it, are synced to the disk, and take the name in one step; then
    the folder is synced, so that the name survives a power cut too.

    Args:
        path: the file; it is created or replaced. A symbolic link is followed.

    Yields:
        The draft, unbuffered: `write_all` writes to it.

    Raises:
        OSError: the disk is full, the folder is missing or read-only, or `path` is not a regular
            file; what was at `path` is untouched and nothing is left beside it.
    """
    name, path = path, Path(os.path.realpath(path))
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise OSError(f"{name} is not a regular file")
    draft = _draft(path)
    try:
        with open(draft, "wb", buffering=0) as file:  # so that closing cannot fail
            yield file
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        if isinstance(error, OSError):  # in the name of the file, not of its draft
            raise OSError(error.errno, error.strerror, str(name)) from error
        raise
    sync_folder(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole; for arguments and errors see `whole_file`."""
    with whole_file(path) as file:
        write_all(file, data)


def write_all(file: io.FileIO, data: bytes | memoryview) -> None:
    """Write all data to an unbuffered file, whose `write` may take only a part of it."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]


def sync_folder(folder: Path) -> None:
    """Make renames in the folder last through a power failure, where the system can."""
    if hasattr(os, "O_DIRECTORY"):  # where folders can be opened at all
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_drafts(path: Path) -> None:
    """Remove the drafts that killed processes may have left beside `path`."""
    path = Path(os.path.realpath(path))
    pattern = _draft(Path(glob.escape(str(path))), "*")
    for draft in glob.glob(str(pattern)):
        with contextlib.suppress(OSError):
            os.unlink(draft)


def _draft(path: Path, writer: str = "") -> Path:
    """Return a draft's name: each writer has its own, because two may write a file at once."""
    writer = writer or f"{os.getpid()}-{threading.get_ident()}"
    return path.with_name(f".{path.name}.{writer}.tmp")
