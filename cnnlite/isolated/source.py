"""Reads a Python file that someone else has written, without a look at what it says."""

import errno
import os
from pathlib import Path

__all__ = ["read_source"]

LARGEST_FILE = 2**20  # bytes


def read_source(file: Path) -> bytes:
    """Return what is in a file.

    Raises:
        OSError: there is none that can be read.
        ValueError: it is no file with a program in it.
    """
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    if file.exists() and not file.is_file():  # a pipe may never end
        raise ValueError(f"{file} is no regular file")
    with file.open("rb") as stream:
        source = stream.read(LARGEST_FILE + 1)
    if len(source) > LARGEST_FILE:
        raise ValueError(f"{file} is larger than a megabyte")
    return source
