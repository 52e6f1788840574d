"""Downloads CIFAR-10, so that an interrupted download goes on, and checks it before it is read."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cnnlite.data.archive import unpack
from cnnlite.data.cache import data_folder, expanded
from cnnlite.data.cifar10 import FOLDERS, PathLike, Source, convert, find
from cnnlite.data.errors import DataError, DownloadError

__all__ = ["ARCHIVE", "Archive", "DownloadError", "FileReport", "download", "fetch", "verify"]

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes that are expected."""

_CHUNK = 2**16


@dataclass(frozen=True)
class Archive:
    """What is downloaded, and how to tell that it is the right thing."""

    url: str
    size: int
    md5: str
    sha256: str


ARCHIVE = Archive(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    size=170_498_071,
    md5="c58f30108f718f92721af3b95e74349a",
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)

OFFICIAL_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}


def fetch(
    root: PathLike | None = None,
    progress: Progress | None = None,
    archive: Archive = ARCHIVE,
    timeout: float = 30.0,
) -> Path:
    """Download CIFAR-10, verify it, unpack it, and convert it to the cache.

    What is there already is not done again: complete files are only converted, and a download that
    was interrupted goes on where it stopped.

    Args:
        root: the folder to put `cifar-10-batches-py` into; None for CNNLITE_DATA or the user's
            cache folder.
        progress: called now and then with the bytes that are there and the bytes expected.
        archive: what to download.
        timeout: seconds to wait for the server.

    Returns:
        The folder with the batch files.

    Raises:
        DownloadError: the server cannot be reached, or the connection broke.
        DataError: what came is not the archive expected, or is damaged; it is removed.
        OSError: a file cannot be written; the message names it.
    """
    folder = expanded(root) if root is not None else data_folder()
    if any(report.status in ("missing", "damaged") for report in verify(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        path = download(archive, folder, progress, timeout)
        unpack(path, folder)
        path.unlink()
    source = find(folder)
    convert(source)
    return source.folder


def download(
    archive: Archive, folder: Path, progress: Progress | None = None, timeout: float = 30.0
) -> Path:
    """Download the archive into the folder, going on with a part of it that is there.

    Returns:
        The file, verified: it gets its name only after its size and both checksums agreed.

    Raises:
        ValueError: the URL is neither http nor https.
        DownloadError, DataError, OSError: as fetch.
    """
    if not archive.url.startswith(("https://", "http://")):
        raise ValueError(f"download: the URL is {archive.url!r}, expected http:// or https://")
    path = folder / archive.url.rsplit("/", 1)[-1]
    part = path.with_name(path.name + ".part")
    if path.exists():
        os.replace(path, part)  # an earlier run was stopped between download and unpacking
    if not part.exists() or part.stat().st_size < archive.size:
        # Imported here: HTTP costs more to import than all of cnnlite.
        from cnnlite.data._http import receive

        receive(archive.url, archive.size, part, progress, timeout)
    _check(archive, part)
    os.replace(part, path)
    return path


def _check(archive: Archive, part: Path) -> None:
    """Raise DataError, and remove the file, unless it is the archive."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with open(part, "rb") as file:
        while chunk := file.read(_CHUNK):
            md5.update(chunk)
            sha256.update(chunk)
    size = part.stat().st_size
    if (size, md5.hexdigest(), sha256.hexdigest()) != (archive.size, archive.md5, archive.sha256):
        part.unlink()
        raise DataError(
            f"{part} is not the archive expected, and was removed: {size} bytes, SHA-256 "
            f"{sha256.hexdigest()}, expected {archive.size} and {archive.sha256}. Try again"
        )


@dataclass(frozen=True)
class FileReport:
    """What verify found: status is "official", "readable", "damaged" or "missing"."""

    path: Path
    status: str
    detail: str
    images: int = 0


def verify(root: PathLike | None = None) -> list[FileReport]:
    """Read each of CIFAR-10's files and compare it with the published one.

    Args:
        root: as for `cifar10`.

    Returns:
        One report for each batch. "readable" is a sound file that differs from the published one,
        such as the binary version or a copy that was saved again.
    """
    folder = expanded(root) if root is not None else data_folder()
    try:
        source = find(folder)
    except FileNotFoundError:
        source = None
    if source is None or source.archive is not None:
        source = Source(folder / FOLDERS[0], binary=False)
    return [_report(source, path) for path in source.batches]


def _report(source: Source, path: Path) -> FileReport:
    try:
        images, labels = source.read(path)
    except FileNotFoundError:
        return FileReport(path, "missing", "there is no such file")
    except (DataError, OSError) as error:
        return FileReport(path, "damaged", str(error))
    classes = len(set(labels.tolist()))
    detail = f"{len(images)} images in {classes} classes"
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "md5").hexdigest()
    if digest == OFFICIAL_MD5.get(path.name):
        return FileReport(path, "official", f"{detail}, as published", len(images))
    return FileReport(path, "readable", f"{detail}, differs from the published file", len(images))
