"""Unpacks CIFAR-10's archives: the expected files by their names, and nothing else.

An archive is refused, and nothing of it is kept, if it holds a link, a device, any other name (so
no absolute path and no `..`), a name twice, or more bytes than CIFAR-10 has.
"""

import gzip
import os
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import IO, BinaryIO

from cnnlite.data.errors import DataError
from cnnlite.files import sync_folder, write_all

__all__ = ["unpack"]

_BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
CONTENTS = {
    "cifar-10-batches-py": {*_BATCHES, "batches.meta"},
    "cifar-10-batches-bin": {*(f"{name}.bin" for name in _BATCHES), "batches.meta.txt"},
}
_IGNORED = "readme.html"
MAX_TOTAL = 256 * 2**20
"""CIFAR-10 unpacks to 187 MB."""
MAX_FILE = 64 * 2**20
MAX_MEMBERS = 16
_CHUNK = 2**20
_DAMAGE = (
    ValueError,  # a DataError, or a number that tarfile cannot read
    OverflowError,
    RecursionError,  # headers about headers about headers
    EOFError,
    zlib.error,
    gzip.BadGzipFile,
    tarfile.TarError,
)


class _Bounded:
    """The decompressed archive; refuses to give more than an archive of CIFAR-10 may ask for.

    tarfile reads headers of any length that the archive claims for them in one piece; compressed
    zeros would let a small file fill the memory.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _CHUNK or self.stream.tell() + size > MAX_TOTAL:
            raise DataError("it holds far more than CIFAR-10")
        return self.stream.read(size)

    def seek(self, position: int) -> int:
        if not 0 <= position <= MAX_TOTAL:
            raise DataError("it holds far more than CIFAR-10")
        return self.stream.seek(position)

    def tell(self) -> int:
        return self.stream.tell()


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive of CIFAR-10, python or binary version.

    Args:
        archive: the `.tar.gz`.
        folder: where to put `cifar-10-batches-py` or `-bin`; files of these names are replaced
            one by one, once all of them have been unpacked.

    Returns:
        The folder with the files.

    Raises:
        DataError: the archive is damaged or holds anything else; the message names it.
        OSError: the files cannot be written; the message names which.
    """
    try:
        workspace = Path(tempfile.mkdtemp(dir=folder, prefix=".unpacking-"))
    except OSError as error:
        raise OSError(error.errno, f"cannot unpack: {error.strerror}", str(folder)) from error
    try:
        name = _extract(archive, workspace)
        target = folder / name
        target.mkdir(exist_ok=True)
        for path in (workspace / name).iterdir():
            os.replace(path, target / path.name)
    except _DAMAGE as error:
        raise DataError(f"{archive} is damaged or no archive of CIFAR-10: {error}") from error
    except OSError as error:
        if not str(error.filename).startswith(str(workspace)):
            raise
        # In the name of the file that was to come, not of its draft.
        place = folder / Path(error.filename).relative_to(workspace)
        raise OSError(error.errno, error.strerror, str(place)) from error
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    sync_folder(target)
    return target


def _extract(archive: Path, workspace: Path) -> str:
    seen: dict[str, set[str]] = {}
    with open(archive, "rb") as file, _decompressed(file) as stream:
        bounded: IO[bytes] = _Bounded(stream)  # type: ignore[assignment]  # all that tarfile needs
        with tarfile.open(fileobj=bounded, mode="r:") as tar:
            for number, member in enumerate(tar):
                # A header may send tarfile backwards, to read the same members for ever.
                if number >= MAX_MEMBERS or member.size < 0:
                    raise DataError("it holds far more than CIFAR-10")
                name, _, file_name = member.name.partition("/")
                if name not in CONTENTS:
                    raise DataError(f"unexpected member {member.name[:100]!r}")
                if member.type == tarfile.DIRTYPE and not file_name:
                    continue
                _check(member, file_name, seen.setdefault(name, set()), CONTENTS[name])
                if file_name == _IGNORED:
                    continue
                (workspace / name).mkdir(exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None  # it is a regular file
                _write(source, workspace / name / file_name)
    complete = [name for name, files in seen.items() if files >= CONTENTS[name]]
    if len(seen) != 1 or not complete:
        raise DataError(f"files are missing: it has {sorted(map(sorted, seen.values()))}")
    return complete[0]


def _decompressed(file: BinaryIO) -> BinaryIO:
    """The tar file inside; some browsers unpack the outer layer on their own."""
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if compressed else file  # type: ignore[return-value]


def _check(member: tarfile.TarInfo, file_name: str, seen: set[str], expected: set[str]) -> None:
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        raise DataError(f"{member.name[:100]!r} is no regular file")
    if file_name not in expected and file_name != _IGNORED:
        raise DataError(f"unexpected member {member.name[:100]!r}")
    if file_name in seen:
        raise DataError(f"{member.name!r} is there twice")
    if member.size > MAX_FILE:
        raise DataError(f"{member.name!r} claims {member.size} bytes")
    seen.add(file_name)


def _write(source: IO[bytes], path: Path) -> None:
    with open(path, "xb", buffering=0) as file:
        while chunk := source.read(_CHUNK):
            try:
                write_all(file, chunk)
            except OSError as error:
                raise OSError(error.errno, f"cannot unpack: {error.strerror}", str(path)) from error
        os.fsync(file.fileno())
