"""A tiny data set, a command line in its folder, and a sweep that has ended."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import get_num_threads, set_num_threads
from cnnlite.cli import main
from tests.cli.conftest import Outcome

SWEEP = """
[train]
model = "softmax_classifier"
data = "tiny.npz"
epochs = 4
batch_size = 20

[over]
lr = [0.01, 0.1]
optimizer = ["sgd", "adam"]
seed = [0, 1]
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 6x6 images of three classes, which are easily told apart."""
    rng, arrays = np.random.default_rng(0), {}
    for part, count in (("train", 60), ("val", 30), ("test", 30)):
        labels = rng.integers(0, 3, count)
        images = rng.normal(100, 40, (count, 1, 6, 6))
        images[np.arange(count), 0, labels] += 40
        arrays[f"X_{part}"] = np.clip(images, 0, 255).astype(np.uint8)
        arrays[f"y_{part}"] = labels
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """The folder of a sweep of 8 trials that all tests read and none changes."""
    home = tmp_path_factory.mktemp("done")
    shutil.copy(tiny, home)
    (home / "grid.toml").write_text(SWEEP)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert main(["sweep", "grid.toml", "--out", "grid", "--workers", "1"]) == 0
    return home / "grid"


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: Path
) -> Iterator[Callable[..., Outcome]]:
    """cli("sweep", ...): run a command where tiny.npz and grid.toml are."""
    shutil.copy(tiny, tmp_path)
    (tmp_path / "grid.toml").write_text(SWEEP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNLITE_DATA", raising=False)
    threads = get_num_threads()

    def run(*arguments: Any) -> Outcome:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        return Outcome(status, *capsys.readouterr())

    yield run
    set_num_threads(threads)
