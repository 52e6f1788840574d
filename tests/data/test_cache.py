"""A cached array is there whole or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnlite.data import cache_folder, cifar10, data_folder
from cnnlite.data.cache import cached_arrays, write_array
from cnnlite.files import write_all


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("shape", [(0, 3), (5,), (), (300, 3, 7)])
def test_what_is_written_is_what_numpy_reads(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
    write_array(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", allow_pickle=False), array)
    assert files(tmp_path) == [tmp_path / "a.npy"]


def test_any_strides(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(4, 6).T[::2]
    write_array(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), array)


FULL_DISK = """
import resource, sys
import numpy as np
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from cnnlite.data import cifar10
try:
    cifar10(sys.argv[1], num_validation=1)
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files")
def test_a_full_disk_is_said_by_name_and_leaves_nothing(python_root: Path, own_cache: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(python_root)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "no room to cache" in done.stdout
    assert "images_train.npy" in done.stdout
    assert files(own_cache) == []
    data = cifar10(python_root, num_validation=1, cache=False)  # the way out that it names
    assert type(data["X_train"]) is np.ndarray


def test_the_old_file_stays_when_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npy"
    write_array(path, np.arange(3))

    def full(file: object, data: bytes) -> None:
        file.write(data[:10])  # type: ignore[attr-defined]
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("cnnlite.data.cache.write_all", full)
    with pytest.raises(OSError, match="no room to cache") as raised:
        write_array(path, np.arange(100))
    assert raised.value.filename == str(path)
    np.testing.assert_array_equal(np.load(path), np.arange(3))
    assert files(tmp_path) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_others_may_read_a_shared_cache(tmp_path: Path) -> None:
    """Like any file that the user makes, and not like a temporary one."""
    write_array(tmp_path / "a.npy", np.arange(3))
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.npy").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_ctrl_c_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_array(tmp_path / "a.npy", np.arange(3))
    assert files(tmp_path) == []


def test_short_writes_are_continued(tmp_path: Path) -> None:
    class Slow:
        taken = b""

        def write(self, data: memoryview) -> int:
            self.taken += bytes(data[:3])
            return min(3, len(data))

    slow = Slow()
    write_all(slow, b"0123456789")  # type: ignore[arg-type]
    assert slow.taken == b"0123456789"


def test_a_cache_folder_that_cannot_be_written_to_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*arguments: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("cnnlite.data.cache.write_array", denied)
    with pytest.warns(UserWarning, match="CNNLITE_CACHE"):
        arrays = cached_arrays("x", [], ["a"], lambda: {"a": np.arange(3)})
    np.testing.assert_array_equal(arrays["a"], np.arange(3))


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"garbage" * 100, None])
def test_a_damaged_cache_is_made_again(own_cache: Path, damage: bytes | None) -> None:
    expected = np.arange(1000)
    cached_arrays("x", [], ["a"], lambda: {"a": expected})
    (path,) = files(own_cache)
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    for _ in range(2):
        np.testing.assert_array_equal(
            cached_arrays("x", [], ["a"], lambda: {"a": expected})["a"], expected
        )


def test_a_pickle_in_the_cache_is_not_loaded(own_cache: Path) -> None:
    cached_arrays("x", [], ["a"], lambda: {"a": np.arange(3)})
    (path,) = files(own_cache)
    np.save(path, np.array([print], dtype=object), allow_pickle=True)
    arrays = cached_arrays("x", [], ["a"], lambda: {"a": np.arange(3)})
    np.testing.assert_array_equal(arrays["a"], np.arange(3))


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("CNNLITE_DATA", str(tmp_path / "d"))
    assert data_folder() == tmp_path / "d"
    monkeypatch.delenv("CNNLITE_DATA")
    monkeypatch.delenv("CNNLITE_CACHE")
    assert data_folder().parent == cache_folder().parent
    assert "cnnlite" in data_folder().parts
