"""Places that cannot be written: found before any work, named, with the option for another."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Outcome

Cli = Callable[..., Outcome]

WRITERS = {
    "train": ("train --smoke --data embedded --out {}/run", "--out"),
    "train into a folder": ("train --smoke --data embedded --out {}", "--out"),
    "lr-find": ("lr-find --data embedded --out {}/lr.png", "--out"),
    "curves": ("curves run --out {}/curves.png", "--out"),
    "report": ("report run --out {}/report.html", "--out"),
    "evaluate": ("evaluate run --out {}/there", "--out"),
    "lab": ("lab descent --out {}", "--out"),
    "lab, notebook": ("lab descent --notebook --out {}/there", "--out"),
    "exercise": ("exercise relu --out {}/relu.py", "--out"),
    "exercise, notebook": ("exercise relu --notebook --out {}/relu.ipynb", "--out"),
    "exercise all": ("exercise all --out {}", "--out"),
    "exercise make": ("exercise make mine --out {}/mine.py", "--out"),
    "exercise check, json": ("exercise check mine.py --json {}/points.json", "--json"),
    "exercise check, csv": ("exercise check mine.py --csv {}/points.csv", "--csv"),
    "exercise check, gradescope": ("exercise check mine.py --gradescope {}/r.json", "--gradescope"),
    "data show": ("data show --data embedded --out {}/data.png", "--out"),
    "data draw": ("data draw {}/shapes", "FOLDER"),
    "data fetch": ("data fetch mnist --data-dir {}/data", "--data-dir"),
    "predict, csv": ("predict picture.png --run run --csv {}/answers.csv", "--csv"),
    "predict, json": ("predict picture.png --run run --json {}/answers.json", "--json"),
    "predict, sheet": ("predict picture.png --run run --sheet {}/answers.png", "--sheet"),
    "autodiff, svg": ("autodiff x*x --at x=1 --svg {}/graph.svg", "--svg"),
    "autodiff, frames": ("autodiff x*x --at x=1 --frames {}/frames", "--frames"),
}


@pytest.mark.parametrize("command", WRITERS)
def test_a_folder_that_is_read_only(
    cli: Cli, finished_run: Path, sealed: Path, command: str
) -> None:
    text, option = WRITERS[command]
    shutil.copytree(finished_run, "run")
    line = _complaint(cli, text.format(sealed))
    assert str(sealed) in line
    assert option in line.partition(": ")[2]
    assert not [*sealed.iterdir()]


@pytest.mark.parametrize("command", WRITERS)
def test_a_folder_below_a_file(cli: Cli, finished_run: Path, tmp_path: Path, command: str) -> None:
    text, option = WRITERS[command]
    shutil.copytree(finished_run, "run")
    file = tmp_path / "file"
    file.touch()
    line = _complaint(cli, text.format(file / "below"))
    assert str(file) in line
    # predict, report and lr-find say that the folder does not exist.
    assert option in line.partition(": ")[2] or "folder" in line


def _complaint(cli: Cli, text: str) -> str:
    outcome: Outcome = cli(*text.split())
    if not text.startswith("evaluate"):  # what was measured is printed in any case
        assert outcome.out == ""
    return outcome.complaint


def test_train_without_out_names_the_folder_in_which_it_stands(
    cli: Cli, sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sealed)
    line = cli("train", "--smoke", "--data", "embedded").complaint
    assert str(sealed) in line
    assert line.endswith("--out names another place")


def test_a_run_that_is_read_only_is_not_resumed(cli: Cli, finished_run: Path, sealed: Path) -> None:
    sealed.chmod(0o755)
    shutil.copytree(finished_run, sealed, dirs_exist_ok=True)
    sealed.chmod(0o555)
    line = cli("train", "--resume", sealed, "--epochs", "3").complaint
    assert str(sealed) in line
    assert line.endswith("copy the run to another place")
