"""Unpacks the archives of CIFAR: the expected files by their names, and nothing else.

An archive is refused, and nothing of it is kept, if it holds a link, a device, any other name (so
no absolute path and no `..`), a name twice, or more bytes than the data set has.
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
from cnnlite.data.places import Layout
from cnnlite.files import sync_folder, write_all

__all__ = ["unpack"]

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
    """The decompressed archive; refuses to give more than the data set's archive may ask for.

    tarfile reads headers of any length that the archive claims for them in one piece; compressed
    zeros would let a small file fill the memory.
    """

    def __init__(self, stream: BinaryIO, layout: Layout) -> None:
        self.stream, self.limit = stream, layout.max_total
        self.refusal = f"it holds far more than {layout.title}"

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _CHUNK or self.stream.tell() + size > self.limit:
            raise DataError(self.refusal)
        return self.stream.read(size)

    def seek(self, position: int) -> int:
        if not 0 <= position <= self.limit:
            raise DataError(self.refusal)
        return self.stream.seek(position)

    def tell(self) -> int:
        return self.stream.tell()


def unpack(archive: Path, folder: Path, layout: Layout) -> Path:
    """Unpack an archive of a data set, python or binary version.

    Args:
        archive: the `.tar.gz`.
        folder: where to put the version's folder; files in it are replaced one by one, once all of
            them have been unpacked.
        layout: of the data set.

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
        name = _extract(archive, workspace, layout)
        target = folder / name
        target.mkdir(exist_ok=True)
        for path in (workspace / name).iterdir():
            os.replace(path, target / path.name)
    except _DAMAGE as error:
        what = f"{archive} is damaged or no archive of {layout.title}"
        raise DataError(f"{what}: {error}") from error
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


def _extract(archive: Path, workspace: Path, layout: Layout) -> str:
    seen: dict[str, set[str]] = {}
    with open(archive, "rb") as file, _decompressed(file) as stream:
        bounded: IO[bytes] = _Bounded(stream, layout)  # type: ignore[assignment]  # all that tarfile needs
        with tarfile.open(fileobj=bounded, mode="r:") as tar:
            for number, member in enumerate(tar):
                # A header may send tarfile backwards, to read the same members for ever.
                if number >= MAX_MEMBERS or member.size < 0:
                    raise DataError(f"it holds far more than {layout.title}")
                name, _, file_name = member.name.partition("/")
                if name not in layout.versions:
                    raise DataError(f"unexpected member {member.name[:100]!r}")
                if member.type == tarfile.DIRTYPE and not file_name:
                    continue
                _check(member, name, file_name, seen.setdefault(name, set()), layout)
                if file_name in layout.ignored:
                    continue
                (workspace / name).mkdir(exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None  # it is a regular file
                _write(source, workspace / name / file_name)
    complete = [name for name, files in seen.items() if files >= set(layout.versions[name])]
    if len(seen) != 1 or not complete:
        raise DataError(f"files are missing: it has {sorted(map(sorted, seen.values()))}")
    return complete[0]


def _decompressed(file: BinaryIO) -> BinaryIO:
    """The tar file inside; some browsers unpack the outer layer on their own."""
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if compressed else file  # type: ignore[return-value]


def _check(
    member: tarfile.TarInfo, folder: str, file_name: str, seen: set[str], layout: Layout
) -> None:
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        raise DataError(f"{member.name[:100]!r} is no regular file")
    if file_name not in layout.versions[folder] + layout.ignored:
        raise DataError(f"unexpected member {member.name[:100]!r}")
    if file_name in seen:
        raise DataError(f"{member.name!r} is there twice")
    if member.size > layout.max_file:
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
