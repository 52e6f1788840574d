"""What commands do when their output has nowhere to go, or little room."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import get_num_threads, set_num_threads
from cnnlite.cli import main
from cnnlite.cli.runs import RECORD, WEIGHTS
from cnnlite.data import embedded
from cnnlite.report import history

Cli = Callable[..., Any]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
PRINTING = ["doctor", "models", "--help"]
WRITING = [
    "lab",
    "evaluate RUN --out files",
    "autodiff x*y --at x=1,y=2",
    "train --smoke --model softmax_classifier --data IMAGES --out new",
]


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of few images of its own: each process would draw the embedded ones anew."""
    folder = tmp_path_factory.mktemp("few")
    np.savez(folder / "few.npz", **embedded(200, 50, 50))
    command = "train --model softmax_classifier --epochs 2 --lr 0.01 --threads 1 --quiet"
    threads = get_num_threads()
    files = ["--data", str(folder / "few.npz"), "--out", str(folder / "run")]
    assert main([*command.split(), *files]) == 0
    set_num_threads(threads)
    return folder / "run"


def shell(
    command: str, redirection: str, folder: Path, run: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command line of cnnlite in bash, with what is to happen to its output."""
    places = {"RUN": str(run), "IMAGES": str(run.with_name("few.npz"))}
    words = [places.get(word, word) for word in command.split()]
    kept = {"XDG_CACHE_HOME": str(folder), "MPLCONFIGDIR": str(run.with_name("fonts"))}
    return subprocess.run(
        ["bash", "-c", f'"$@" {redirection}', "bash", sys.executable, "-m", "cnnlite", *words],
        cwd=folder,
        env={**os.environ, **kept, "CNNLITE_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("command", PRINTING + WRITING)
def test_a_reader_that_leaves_is_no_error(tmp_path: Path, finished_run: Path, command: str) -> None:
    done = shell(command, "| true; exit ${PIPESTATUS[0]}", tmp_path, finished_run)
    # A reader may leave after the last word, too.
    assert done.returncode in ((0, 141) if command in PRINTING else (0,)), done
    assert done.stderr == ""


@FULL
@pytest.mark.parametrize("command", PRINTING + WRITING)
def test_a_full_disk_under_standard_output_is_said(
    tmp_path: Path, finished_run: Path, command: str
) -> None:
    done = shell(command, "> /dev/full", tmp_path, finished_run)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("cnnlite ")
    assert line.endswith("standard output cannot be written: No space left on device")


@pytest.mark.parametrize("command", PRINTING + WRITING)
def test_a_closed_standard_output_is_no_error(
    tmp_path: Path, finished_run: Path, command: str
) -> None:
    done = shell(command, ">&-", tmp_path, finished_run)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("redirection", ["2>&-", ">&- 2>&-", "2> /dev/full"])
def test_nobody_hears_an_error(tmp_path: Path, finished_run: Path, redirection: str) -> None:
    assert shell("evaluate nothing", redirection, tmp_path, finished_run).returncode == 2


@pytest.mark.parametrize(
    ("redirection", "status"),
    [("| head -n 1; exit ${PIPESTATUS[0]}", 0), (">&-", 0), ("> /dev/full", 2)],
)
def test_a_training_is_kept_whatever_becomes_of_its_output(
    tmp_path: Path, finished_run: Path, redirection: str, status: int
) -> None:
    command = "train --data IMAGES --model softmax_classifier --epochs 3 --out new"
    done = shell(command, redirection, tmp_path, finished_run)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        path.name for path in finished_run.iterdir()
    }


def test_a_training_script_outlives_its_reader(tmp_path: Path) -> None:
    """rich, which draws the bar, would end the program."""
    program = (
        "import cnnlite as nn\n"
        "data = nn.data.embedded(64, 10, 0)\n"
        "model = nn.models.softmax_classifier(rng=0)\n"
        "nn.Solver(model, data, num_epochs=3, batch_size=32).train()\n"
        "open('end', 'w').close()\n"
    )
    done = subprocess.run(
        ["bash", "-c", '"$@" | true; exit ${PIPESTATUS[0]}', "bash", sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "end").exists()


NARROW = ["evaluate RUN --out files", "models", "doctor", "lab", "exercise", "data show", "--help",
          "autodiff (x+y)*(y+1) --at x=3,y=4", "predict data.png --run RUN"]  # fmt: skip


@pytest.mark.parametrize("columns", [40, 60])
@pytest.mark.parametrize("command", NARROW)
def test_tables_and_words_fit_the_terminal(
    cli: Cli, finished_run: Path, monkeypatch: pytest.MonkeyPatch, command: str, columns: int
) -> None:
    pytest.importorskip("PIL")
    if command.startswith("predict"):
        cli("data", "show")
    monkeypatch.setenv("COLUMNS", str(columns))
    outcome = cli(*(str(finished_run) if word == "RUN" else word for word in command.split()))
    assert outcome.status == 0
    for line in outcome.out.splitlines():  # a single word, such as a path, may be longer
        assert len(line) <= columns or len(line.split()) == 1, line


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_epoch_lines_fit_the_terminal(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    command = "train --data embedded --overfit 256 --model softmax_classifier --epochs 2 --out new"
    outcome = cli(*command.split(), "--threads", "1")
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    assert all(len(line) <= columns for line in lines)
    assert [line.split()[0] for line in lines] == ["epoch", "1", "2", "run"]
    assert (
        all("val_acc" in lines[0] and "." in line.split()[-1] for line in lines[1:3])
        or columns > 40
    )


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TERM": "dumb", "NO_COLOR": "1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("command", ["evaluate RUN --out files", "predict é.png"])
def test_no_encoding_and_no_terminal_is_too_poor(
    tmp_path: Path, finished_run: Path, command: str, variables: dict[str, str]
) -> None:
    done = shell(command, "", tmp_path, finished_run, **variables)
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if "predict" in command else 0), done.stderr


def test_a_run_that_stopped_in_its_first_epoch_says_so(
    cli: Cli, finished_run: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(finished_run, "runs/001-x")
    shutil.rmtree("runs/001-x/kept", ignore_errors=True)  # not without the extra `see`
    for path in Path("runs/001-x").iterdir():
        if path.name not in (RECORD, "config.toml", "checkpoint.safetensors"):
            path.unlink()
    line = cli("evaluate", "runs/001-x").complaint
    assert line == (
        "cnnlite evaluate: runs/001-x has no weights yet: its training ended in its first epoch; "
        "continue it with cnnlite train --resume runs/001-x"
    )
    assert "no run under runs/ has finished an epoch" in cli("evaluate").complaint
    Path("runs/001-x/checkpoint.safetensors").unlink()
    assert cli("evaluate", "runs/001-x").complaint.endswith("ended in its first epoch")
    history.save([], "runs/001-x/history.csv")  # as such a training leaves it
    assert cli("evaluate", "runs/001-x").complaint.endswith("ended in its first epoch")
    shutil.copy(finished_run / "history.csv", "runs/001-x")
    line = cli("evaluate", "runs/001-x").complaint
    assert (
        line
        == f"cnnlite evaluate: {Path('runs/001-x') / WEIGHTS}, the weights of the run, is missing"
    )


def test_a_training_that_diverged_in_its_first_epoch_is_not_called_damaged(cli: Cli) -> None:
    """It has a history without rows, and no checkpoint with which to go on."""
    assert cli("train", "--data", "embedded", "--lr", "1e30", "--out", "lost").status == 1
    assert cli("evaluate", "lost").complaint == (
        "cnnlite evaluate: lost has no weights yet: its training ended in its first epoch"
    )
    line = cli("train", "--data", "embedded", "--out", "lost").complaint
    assert "--resume" not in line
    assert line.endswith("choose another folder with --out")


class TestPlacesThatCannotBeWritten:
    @pytest.mark.parametrize("there", ["file", "link"])
    def test_runs_that_is_no_folder(self, cli: Cli, there: str) -> None:
        Path("runs").touch() if there == "file" else Path("runs").symlink_to("nowhere")
        line = cli("train", "--smoke", "--data", "embedded").complaint
        assert line.startswith("cnnlite train: runs: it is not a folder")
        assert "--out" in line

    def test_a_run_folder_below_a_file(self, cli: Cli) -> None:
        Path("file").touch()
        line = cli("train", "--smoke", "--data", "embedded", "--out", "file/run").complaint
        assert "file/run" in line.replace("\\", "/")
        assert "--out names another place" in line

    @pytest.mark.parametrize(
        ("command", "name"),
        [
            ("exercise linear --out x.py", "x.py"),
            ("autodiff x --at x=1 --svg x.svg", "x.svg"),
            ("autodiff x --at x=1 --frames x", "step-00.svg"),
            ("data show --out x.png", "x.png"),
            ("lab descent", "descent.png"),
            ("train --smoke --data embedded --model softmax_classifier --out x", "config.toml"),
        ],
    )
    def test_a_full_disk_is_said_of_the_file_that_the_user_knows(
        self, cli: Cli, command: str, name: str
    ) -> None:
        import resource

        pytest.importorskip("matplotlib")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5, limits[1]))
        try:
            outcome = cli(*command.split())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert outcome.status == 2
        (line,) = outcome.err.splitlines()
        assert f"{name}: File too large" in line
        assert ".tmp" not in line
        left = [path for path in Path().rglob("*") if path.is_file()]
        assert left == []
