"""A command line to call, in a folder of its own, and one finished run to look at."""

import shutil
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
