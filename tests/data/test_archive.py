"""Only CIFAR-10's own files come out of an archive, and only into their folder."""

import contextlib
import gzip
import io
import os
import tarfile
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnlite.data import DataError
from cnnlite.data.archive import _Bounded, unpack
from cnnlite.data.cifar10 import LAYOUT

PY = "cifar-10-batches-py"
BIN = "cifar-10-batches-bin"


def member(name: str, content: bytes = b"x", **attributes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


def official(folder: str = PY) -> list[tuple[tarfile.TarInfo, bytes]]:
    """As published: the folder, its files in no order, and a page."""
    files = [member(f"{folder}/{name}", name.encode()) for name in sorted(LAYOUT.versions[folder])]
    return [
        member(folder, b"", type=tarfile.DIRTYPE),
        *files[::-1],
        member(f"{folder}/readme.html", b"<html>"),
    ]


def archive_of(members: Iterable[tuple[tarfile.TarInfo, bytes]], **options: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", **options) as tar:  # type: ignore[call-overload]
        for info, content in members:
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return buffer.getvalue()


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    folder = tmp_path / "outside" / "box"
    folder.mkdir()
    return folder


def unpack_bytes(content: bytes, folder: Path) -> Path:
    archive = folder.parent / "archive.tar.gz"
    archive.write_bytes(content)
    return unpack(archive, folder, LAYOUT)


@pytest.mark.parametrize("folder", [PY, BIN])
@pytest.mark.parametrize(
    "tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_unpacks_the_official_contents(box: Path, folder: str, tar_format: int) -> None:
    target = unpack_bytes(archive_of(official(folder), format=tar_format), box)
    assert target == box / folder
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        name: name.encode() for name in LAYOUT.versions[folder]
    }
    assert [path.name for path in box.iterdir()] == [folder]


def test_replaces_its_own_files_and_leaves_others_alone(box: Path) -> None:
    (box / PY).mkdir()
    (box / PY / "data_batch_1").write_bytes(b"old")
    (box / PY / "notes.txt").write_bytes(b"mine")
    unpack_bytes(archive_of(official()), box)
    assert (box / PY / "data_batch_1").read_bytes() == b"data_batch_1"
    assert (box / PY / "notes.txt").read_bytes() == b"mine"


def with_one_more(name: str, **attributes: object) -> bytes:
    return archive_of([*official(), member(name, **attributes)])  # type: ignore[arg-type]


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def instead_of(name: str, **attributes: object) -> bytes:
    """The official archive, with one of its files being something else."""
    members = [m for m in official() if not m[0].name.endswith(f"/{name}")]
    return archive_of([member(f"{PY}/{name}", b"", **attributes), *members])


HOSTILE = {
    "dots": with_one_more("../escaped"),
    "dots below the folder": with_one_more(f"{PY}/../../escaped"),
    "an absolute path": with_one_more("/tmp/escaped"),
    "another file": with_one_more("escaped"),
    "another file in the folder": with_one_more(f"{PY}/escaped"),
    "a folder in the folder": with_one_more(f"{PY}/more", content=b"", type=tarfile.DIRTYPE),
    "a link": instead_of("test_batch", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": instead_of("test_batch", type=tarfile.LNKTYPE, linkname=f"{PY}/data_batch_1"),
    "a device": instead_of("test_batch", type=tarfile.CHRTYPE),
    "a pipe": instead_of("test_batch", type=tarfile.FIFOTYPE),
    "a linked folder": archive_of(
        [member(PY, b"", type=tarfile.SYMTYPE, linkname="/tmp"), *official()[1:]]
    ),
    "a name twice": with_one_more(f"{PY}/test_batch"),
    "both versions": archive_of([*official(), *official(BIN)]),
    "a missing file": archive_of(official()[:-3]),
    "nothing": archive_of([]),
    "no archive": b"<html>404</html>",
    "an empty file": b"",
    "a compressed page": gzip.compress(b"<html>" * 1000),
    "a cut archive": truncated(archive_of(official())),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_archives_are_refused_and_leave_nothing(box: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"archive\.tar\.gz is damaged or no archive of CIFAR-10"):
        unpack_bytes(content, box)
    assert os.listdir(box) == []
    assert sorted(os.listdir(box.parent)) == ["archive.tar.gz", "box"]


def zeros(count: int) -> bytes:
    """Compressed zeros, made piece by piece: a megabyte for a gigabyte."""
    buffer = io.BytesIO()
    with gzip.open(buffer, "wb", compresslevel=1) as file:
        for _ in range(count // 2**20):
            file.write(bytes(2**20))
    return buffer.getvalue()


def header(name: str, size: int, kind: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


BOMBS = {
    "a file of 8 GB": header(f"{PY}/test_batch", 8 * 2**30, tarfile.REGTYPE),
    "a file of 65 MB": header(f"{PY}/test_batch", 65 * 10**6 * 2, tarfile.REGTYPE),
    "a long name of 8 GB": header("x", 8 * 2**30, tarfile.GNUTYPE_LONGNAME),
    "a long name of 300 MB": header("x", 300 * 2**20, tarfile.GNUTYPE_LONGNAME),
    "a pax header of 300 MB": header("x", 300 * 2**20, tarfile.XHDTYPE),
    "a page of 300 MB": header(f"{PY}/readme.html", 300 * 2**20, tarfile.REGTYPE),
}


@pytest.mark.parametrize("start", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_refused_at_little_cost(box: Path, start: bytes) -> None:
    content = gzip.compress(start) + zeros(320 * 2**20)
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            unpack_bytes(content, box)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
    assert os.listdir(box) == []


def pax(records: bytes) -> bytes:
    return header("x", len(records), tarfile.XHDTYPE) + records.ljust(512, b"\0")


LOOPS = {
    "a negative size": pax(b"13 size=-512\n"),
    "a large negative size": pax(b"15 size=-10240\n"),
    "a size that is no number": pax(b"12 size=many\n"),
    "a record without an end": pax(b"99 size=1"),
    "a record of length nought": pax(b"0 size=1\n"),
}


@pytest.mark.parametrize("start", LOOPS.values(), ids=LOOPS.keys())
@pytest.mark.parametrize("kind", [tarfile.DIRTYPE, tarfile.REGTYPE])
def test_headers_that_lead_back_end(box: Path, start: bytes, kind: bytes) -> None:
    content = start + header(PY, 0, kind) + bytes(1024)
    with pytest.raises(DataError):
        unpack_bytes(gzip.compress(content), box)
    assert os.listdir(box) == []


GOOD = gzip.decompress(archive_of(official()))


def test_reading_goes_nowhere_else() -> None:
    with gzip.open(io.BytesIO(gzip.compress(b"abc"))) as stream:
        bounded = _Bounded(stream, LAYOUT)
        for position in (-1, LAYOUT.max_total + 1):
            with pytest.raises(DataError):
                bounded.seek(position)
        for size in (-1, 2**20 + 1):
            with pytest.raises(DataError):
                bounded.read(size)
        assert bounded.read(3) == b"abc"


def test_a_file_that_ends_early_is_refused(box: Path) -> None:
    """Compressed as a whole, but the tar inside is cut off."""
    for end in (600, len(GOOD) // 2 // 512 * 512 + 3, 1024):
        with pytest.raises(DataError):
            unpack_bytes(gzip.compress(GOOD[:end]), box)
    assert os.listdir(box) == []


def test_a_tower_of_headers_ends(box: Path) -> None:
    tower = b"".join(
        header("x", 1, tarfile.GNUTYPE_LONGNAME) + b"y".ljust(512, b"\0") for _ in range(5000)
    )
    with pytest.raises(DataError):
        unpack_bytes(gzip.compress(tower), box)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), min_size=1, max_size=12))
def test_damaged_archives_give_files_or_a_data_error(
    box: Path, changes: list[tuple[int, int]]
) -> None:
    damaged = bytearray(GOOD)
    for position, byte in changes:
        damaged[position] = byte
    with contextlib.suppress(DataError):
        unpack_bytes(gzip.compress(bytes(damaged), 1), box)
    assert set(os.listdir(box)) <= {PY}
    assert sorted(os.listdir(box.parent)) == ["archive.tar.gz", "box"]
    if (box / PY).exists():
        assert set(os.listdir(box / PY)) == set(LAYOUT.versions[PY])


def test_a_disk_that_fills_up_names_the_file(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: object, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cnnlite.data.archive.write_all", full)
    with pytest.raises(OSError, match="cannot unpack: No space left") as raised:
        unpack_bytes(archive_of(official()), box)
    assert PY in str(raised.value.filename)
    assert os.listdir(box) == []
