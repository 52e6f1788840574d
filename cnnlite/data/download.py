"""Downloads files, goes on with an interrupted download, and checks them before they are read."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnlite.data.errors import DataError

__all__ = ["Progress", "Remote", "download", "download_all"]

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes that are expected."""

_CHUNK = 2**16


@dataclass(frozen=True)
class Remote:
    """A file to download, and how to tell that it is the right one."""

    url: str
    size: int
    md5: str
    sha256: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.url.rsplit("/", 1)[-1]


def download_all(
    files: Sequence[Remote], folder: Path, progress: Progress | None = None, timeout: float = 30.0
) -> list[Path]:
    """Download several files into a folder; those that are there with the right sum are kept.

    For arguments and errors see `download`; progress counts the bytes of all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total, before = sum(file.size for file in files), 0
    paths = []
    for file in files:

        def report(have: int, _size: int, before: int = before) -> None:
            if progress is not None:
                progress(before + have, total)

        paths.append(download(file, folder, report, timeout))
        before += file.size
    return paths


def download(
    file: Remote, folder: Path, progress: Progress | None = None, timeout: float = 30.0
) -> Path:
    """Download a file into the folder, going on with a part of it that is there.

    Args:
        file: what to download.
        folder: where it goes.
        progress: called now and then.
        timeout: seconds to wait for the server.

    Returns:
        The file, verified: it gets its name only after its size and both checksums agreed.

    Raises:
        ValueError: the URL is neither http nor https.
        DownloadError: the server cannot be reached, or the connection broke.
        DataError: what came is not the file expected; it is removed.
        OSError: the file cannot be written; the message names it.
    """
    if not file.url.startswith(("https://", "http://")):
        raise ValueError(f"download: the URL is {file.url!r}, expected http:// or https://")
    path = folder / file.name
    part = path.with_name(path.name + ".part")
    if path.exists():
        os.replace(path, part)  # of an earlier run: it is checked again
    if not part.exists() or part.stat().st_size < file.size:
        # Imported here: HTTP costs more to import than all of cnnlite.
        from cnnlite.data._http import receive

        receive(file.url, file.size, part, progress, timeout)
    _check(file, part)
    os.replace(part, path)
    return path


def _check(file: Remote, part: Path) -> None:
    """Raise DataError, and remove the file, unless it is the one expected."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with open(part, "rb") as content:
        while chunk := content.read(_CHUNK):
            md5.update(chunk)
            sha256.update(chunk)
    size = part.stat().st_size
    if (size, md5.hexdigest(), sha256.hexdigest()) != (file.size, file.md5, file.sha256):
        part.unlink()
        raise DataError(
            f"{part} is not the file expected, and was removed: {size} bytes, SHA-256 "
            f"{sha256.hexdigest()}, expected {file.size} and {file.sha256}. Try again"
        )
