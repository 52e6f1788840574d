"""A command line to call, in a folder of its own, and one finished run to look at."""

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cnnlite import get_num_threads, set_num_threads
from cnnlite.cli import main


class Outcome(NamedTuple):
    """What one command line gave."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The only line on stderr of a command line that was wrong."""
        assert self.status == 2, self
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[..., Outcome]]:
    """cli("train", "--epochs", "1"): run a command in an empty folder, where there is no data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNLITE_DATA", raising=False)
    monkeypatch.setattr("cnnlite.data.cache._users_folder", lambda name: tmp_path / "users" / name)
    monkeypatch.setattr("cnnlite.cli.own_model._notes", lambda: tmp_path / "users" / "notes")
    monkeypatch.delenv("COLUMNS", raising=False)
    # On a busy machine a training may be long enough to be announced.
    monkeypatch.setattr("cnnlite.training.callbacks.progress.ANNOUNCE", float("inf"))
    threads = get_num_threads()

    def run(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        return Outcome(status, *capsys.readouterr())

    yield run
    set_num_threads(threads)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two epochs that all tests read and none changes."""
    path = tmp_path_factory.mktemp("finished") / "run"
    threads = get_num_threads()
    command = "train --model softmax_classifier --data embedded --epochs 2 --lr 0.01"
    assert main([*command.split(), "--threads", "1", "--quiet", "--out", str(path)]) == 0
    set_num_threads(threads)
    return path


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of that run that a test may change."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


CAP_DAC_OVERRIDE = 1  # of Linux: whoever has it may write where permissions forbid it


@pytest.fixture
def no_override() -> Iterator[None]:
    """Take from root what other users do not have, so that a folder can be read-only."""
    if sys.platform != "linux":
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            pytest.skip("root may write everywhere")
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this thread
    had = (ctypes.c_uint32 * 6)()  # twice: effective, permitted, inheritable
    assert libc.capget(header, had) == 0
    fewer = (ctypes.c_uint32 * 6)(*had)
    fewer[0] &= ~(1 << CAP_DAC_OVERRIDE)
    assert libc.capset(header, fewer) == 0
    yield
    assert libc.capset(header, had) == 0


@pytest.fixture
def sealed(no_override: None, tmp_path: Path) -> Iterator[Path]:
    """A folder in which nobody may write."""
    if sys.platform == "win32":
        pytest.skip("Windows lets everybody write into a folder that is read-only")
    folder = tmp_path / "sealed"
    folder.mkdir(mode=0o555)
    yield folder
    folder.chmod(0o755)
