"""`cnnlite curves`: one picture of any runs, however they ended."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlite.cli.curves import names
from cnnlite.report import comparison
from cnnlite.report.comparison import Curves

Cli = Callable[..., Any]
TRAIN = [
    "train",
    "--data",
    "embedded",
    "--threads",
    "1",
    "--quiet",
    "--model",
    "softmax_classifier",
]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Curves]:
    """What the next picture is drawn of."""
    found: list[Curves] = []
    save = comparison.save

    def watched(trainings: list[Curves], path: Path) -> None:
        found[:] = trainings
        save(trainings, path)

    monkeypatch.setattr(comparison, "save", watched)
    return found


def test_draws_one_run_and_several(cli: Cli, finished_run: Path, seen: list[Curves]) -> None:
    shutil.copytree(finished_run, "other run")
    outcome = cli("curves", finished_run, "other run", "--out", "all.png")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == "picture: all.png\n"
    assert Path("all.png").read_bytes()[1:4] == b"PNG"
    assert [(run.name, len(run.history), len(run.losses), run.steps_per_epoch) for run in seen] == [
        ("run", 2, 240, 120), ("other run", 2, 240, 120),
    ]  # fmt: skip
    assert cli("curves", finished_run, "--out", "one.PNG").status == 0


def test_draws_a_run_that_diverged_in_its_first_epoch(cli: Cli, seen: list[Curves]) -> None:
    trained = cli(*TRAIN, "--overfit", "1000", "--lr", "1e9", "--epochs", "3", "--out", "lost")
    assert trained.status == 1
    assert cli("curves", "lost", "--out", "lost.png").status == 0
    ((_, rows, losses, steps),) = seen
    assert not rows
    assert losses[-1] > 1e6
    assert steps == 10


def test_draws_a_run_that_is_still_in_its_first_epochs(
    cli: Cli, run_copy: Path, seen: list[Curves]
) -> None:
    history = (run_copy / "history.csv").read_text().splitlines(keepends=True)
    (run_copy / "history.csv").write_text("".join(history[:2]))
    assert cli("curves", run_copy, "--out", "x.png").status == 0
    assert len(seen[0].history) == 1
    (run_copy / "history.csv").unlink()
    (run_copy / "losses.csv").write_text("loss\n2.5\n2.25\n")
    assert cli("curves", run_copy, "--out", "x.png").status == 0
    assert seen == [("run", [], [2.5, 2.25], 120)]


def test_draws_a_run_of_an_older_version(cli: Cli, run_copy: Path, seen: list[Curves]) -> None:
    (run_copy / "losses.csv").unlink()
    assert cli("curves", run_copy, "--out", "x.png").status == 0
    assert len(seen[0].history) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "x.png"], "missing argument"),
        (["RUN"], "missing option '--out'"),
        (["RUN", "--out", "x.pdf"], "its name must end in .png"),
        (["RUN", "--out", "nowhere/x.png"], "nowhere"),
        (["missing", "--out", "x.png"], "missing is not a run folder: there is no such folder"),
        (["RUN", "empty", "--out", "x.png"], "empty has nothing to draw yet"),
        (["RUN", "damaged", "--out", "x.png"], "damaged/losses.csv: expected the line 'loss'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    cli: Cli, run_copy: Path, words: list[str], message: str
) -> None:
    for name in "empty", "damaged":
        Path(name).mkdir()
        shutil.copy(run_copy / "config.toml", name)
    Path("damaged/losses.csv").write_text("loss\n1.0\nx\n")
    given = [str(run_copy) if word == "RUN" else word for word in words]
    assert message in cli("curves", *given).complaint
    assert not Path("x.png").exists()


def test_without_matplotlib_a_line_says_how_to_get_it(
    cli: Cli, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    outcome = cli("curves", finished_run, "--out", "x.png")
    assert "x.png is left out: it needs matplotlib" in outcome.err


def test_names_are_short_and_tell_runs_apart() -> None:
    assert names([Path("runs/a"), Path("runs/b")]) == ["a", "b"]
    assert names([Path("x/a"), Path("y/a"), Path("y/b")]) == ["x/a", "y/a", "y/b"]
    assert names([Path("x/a"), Path("x/a")]) == ["a", "a"]
    (long,) = names([Path("a" * 100)])
    assert len(long) == 40
