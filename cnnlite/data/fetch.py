"""Downloads CIFAR-10, so that an interrupted download goes on, and checks it before it is read."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlite.data.archive import unpack
from cnnlite.data.cache import data_folder, write_all
from cnnlite.data.cifar10 import PathLike, Source, convert, find
from cnnlite.data.errors import DataError

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


class DownloadError(OSError):
    """A download did not finish; the message says why, and that it can be continued."""


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
    folder = Path(root) if root is not None else data_folder()
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
        try:
            _receive(archive, part, progress, timeout)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise _explain(error, archive, part) from error
    _check(archive, part)
    os.replace(part, path)
    return path


def _receive(archive: Archive, part: Path, progress: Progress | None, timeout: float) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(archive.url, headers={"User-Agent": "cnnlite"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _open(request, part, timeout) as response:
        resumed = response.status == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise http.client.HTTPException("the server sent another range than was asked for")
        # A server that does not know Range sends everything again.
        with open(part, "ab" if resumed else "wb", buffering=0) as file:
            have = have if resumed else 0
            while chunk := response.read(_CHUNK):
                have += len(chunk)
                if have > archive.size:
                    break  # not what was expected; the check says so
                write_all(file, chunk)
                if progress is not None:
                    progress(have, archive.size)
            os.fsync(file.fileno())
    if have < archive.size:
        raise http.client.IncompleteRead(b"", archive.size - have)


def _open(request: urllib.request.Request, part: Path, timeout: float) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()  # longer than what the server has: the next try starts again
        raise


def _explain(error: Exception, archive: Archive, part: Path) -> OSError:
    from_network = isinstance(
        error, (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
    )
    if not from_network and isinstance(error, OSError):
        return OSError(error.errno, f"cannot write the download: {error.strerror}", str(part))
    have = part.stat().st_size if part.exists() else 0
    reason = getattr(error, "reason", None) or error
    return DownloadError(
        f"{archive.url}: {reason}. {have} of {archive.size} bytes are there, and the same command "
        f"goes on from them; or put the archive there by hand as {part.with_suffix('')}"
    )


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
    folder = Path(root) if root is not None else data_folder()
    try:
        source = find(folder)
    except FileNotFoundError:
        source = Source(folder / "cifar-10-batches-py", binary=False)
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
