"""The pictures that `cnnlite predict` is given: files, folders, and patterns."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from cnnlite.data.formats import has_picture_name
from cnnlite.terminal import printable


def files_of(pictures: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the files that the arguments stand for, each once, and complaints about arguments."""
    files: dict[str, str] = {}
    faults = []
    for text in pictures:
        if os.path.isdir(text):
            found = list(_below(text))
            what = f"{printable(text)} holds no picture"
        elif not os.path.lexists(text) and glob.has_magic(text):
            found = sorted(glob.glob(text, recursive=True), key=_natural)
            found = [file for file in found if not os.path.isdir(file)]
            what = f"no file matches {printable(text)}"
        else:
            found, what = [text], ""
        for file in found:
            files.setdefault(os.path.abspath(file), file)
        if not found:
            faults.append(what)
    return list(files.values()), faults


def _below(folder: str) -> Iterator[str]:
    """Yield the pictures of a folder and the folders in it, hidden ones left out, in order."""
    for path, folders, names in os.walk(folder):
        folders[:] = sorted((name for name in folders if name[0] != "."), key=_natural)
        for name in sorted(names, key=_natural):
            if name[0] != "." and has_picture_name(name):
                yield os.path.join(path, name)


def _natural(name: str) -> list[Any]:
    """Order 2.png before 10.png."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]
