"""Files that are always whole, also where several write them at once."""

import threading
from pathlib import Path

import pytest

from cnnlite.files import replace_file, whole_file, write_all


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    replace_file(path, b"old")

    def fail() -> None:
        with whole_file(path) as file:
            write_all(file, b"new")
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "x"
    replace_file(path, b"old")
    with whole_file(path) as file:
        write_all(file, b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_threads_that_write_one_file_at_once_do_not_mix(tmp_path: Path) -> None:
    """Drafts were named by process alone: two threads wrote into one."""
    path, meet = tmp_path / "x", threading.Barrier(2, timeout=30)

    def write(letter: bytes) -> None:
        with whole_file(path) as file:
            for _ in range(3):
                meet.wait()
                write_all(file, letter)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in (b"aaa", b"bbb")
    assert list(tmp_path.iterdir()) == [path]
