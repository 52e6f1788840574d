"""Reads a program that someone else has written, a Python file or a notebook; nothing is run."""

import errno
import os
from pathlib import Path

from cnnlite.isolated import cells

__all__ = ["LANGUAGES", "programs", "read_source"]

LARGEST_FILE = 2**20  # bytes
LARGEST_NOTEBOOK = 2**24  # with its outputs
LANGUAGES = (".py", cells.ENDING)
"""Endings of files that hold a program."""


def read_source(file: Path) -> bytes:
    """Return the program in a file: of a notebook what `cells.code_of` gives.

    Raises:
        OSError: there is none that can be read.
        ValueError: it is no file with a program in it.
    """
    notebook = file.suffix.lower() == cells.ENDING
    largest = LARGEST_NOTEBOOK if notebook else LARGEST_FILE
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    if file.exists() and not file.is_file():  # a pipe may never end
        raise ValueError(f"{file} is no regular file")
    with file.open("rb") as stream:
        source = stream.read(largest + 1)
    if len(source) > largest:
        size = "16 megabytes; clear its outputs" if notebook else "a megabyte"
        raise ValueError(f"{file} is larger than {size}")
    if notebook:
        source = cells.code_of(source, str(file)).encode()
        if len(source) > LARGEST_FILE:
            raise ValueError(f"{file} has more than a megabyte of code")
    return source


def programs(file: Path) -> list[bytes]:
    """Return what is in a file, each cell of a notebook apart: one may be wrong, and another not.

    Raises:
        OSError, ValueError: as `read_source`.
    """
    source = read_source(file)
    if file.suffix.lower() != cells.ENDING:
        return [source]
    return [cell.text.encode() for cell in cells.cut(source.decode())]
