"""Files that someone is going to work in, which are never written over."""

from pathlib import Path

from cnnlite.cli._group import explained, fail
from cnnlite.cli.places import check_place

__all__ = ["write_new"]


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, and its folder; end the command if it is there."""
    check_place(path.parent, "--out names another place", folder=True)
    with explained(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            fail(f"{path} is there already, and is not written over; --out names another file")
        except OSError as error:  # a full disk names no file, and leaves an empty one
            if error.filename is None:
                path.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from error
