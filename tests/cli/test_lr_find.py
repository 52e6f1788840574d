"""`cnnlite lr-find`: a suggestion and a picture, and nothing else is left behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cnnlite.report import lr_find as picture
from cnnlite.training.lr_find import LRFind, judged
from tests.cli.conftest import Outcome

Cli = Callable[..., Outcome]
QUICK = ["lr-find", "--data", "embedded", "--model", "softmax_classifier"]


def test_suggestion_and_picture(cli: Cli, tmp_path: Path) -> None:
    outcome = cli(*QUICK)
    assert outcome.status == 0
    assert outcome.out.splitlines()[0] == "picture: lr-find.png"
    rate = re.search(r"^suggestion: --lr (\S+)$", outcome.out, re.MULTILINE)
    assert rate is not None
    assert 1e-6 < float(rate[1]) < 1e-1
    assert (tmp_path / "lr-find.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in tmp_path.iterdir()} <= {"lr-find.png", "users"}
    assert cli(*QUICK, "--out", "again.png").out.splitlines()[1:] == outcome.out.splitlines()[1:]


def test_options_are_those_of_train(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('model = "softmax_classifier"\ndata = "embedded"\n')
    arguments = ["lr-find", "--config", "recipe.toml", "--batch-size", "20", "--momentum", "0"]
    outcome = cli(*arguments, "--start", "1e-5", "--end", "1", "--steps", "40", "--out", "a b.png")
    assert outcome.status == 0
    assert (tmp_path / "a b.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "3"], "cnnlite lr-find: --steps is 3, expected an integer from 8 up"),
        (["--start", "0"], "cnnlite lr-find: --start is 0.0, expected a number above 0"),
        (["--end", "1e-9"], "cnnlite lr-find: --end is 1e-09, expected a number above 1e-07"),
        (
            ["--out", "no/where.png"],
            "cnnlite lr-find: --out no/where.png: its folder does not exist",
        ),
        (["--lr", "-1"], "cnnlite lr-find: --lr must be a positive number, not -1.0"),
        (["--batch-size", "1000000"], "cnnlite lr-find: .*batch_size is 1000000, but X_train has"),
        (
            ["--start", "1e30", "--end", "1e33"],
            "cnnlite lr-find: there are . losses, expected 8 or more: lower --start, or",
        ),
        (["--out", "a.jpg"], "cnnlite lr-find: --out a.jpg: the picture is a PNG, its name must"),
        (["--init", "~/no"], "cnnlite lr-find: /.*/no is not a run folder"),
    ],
)
def test_what_is_wrong_is_one_line(cli: Cli, arguments: list[str], message: str) -> None:
    assert re.match(message, cli(*QUICK, *arguments).complaint)


def test_more_rates_are_tried_where_the_first_show_nothing(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the embedded images a dip of a thousandth was the suggestion, at 2e-5 with adamw."""
    tried: list[int] = []

    def few(solver: object, start: float, end: float, steps: int) -> LRFind:
        tried.append(steps)
        return curve()._replace(suggestion=None) if steps < 400 else curve()

    monkeypatch.setattr("cnnlite.Solver.lr_find", few)
    assert cli(*QUICK).status == 0
    assert cli(*QUICK, "--steps", "50").status == 1
    assert tried == [100, 400, 50]


def test_without_a_fall_there_is_no_suggestion(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    found = LRFind(None, [0.1, 1.0], [1.0, 2.0], [1.0, 2.0])
    monkeypatch.setattr("cnnlite.Solver.lr_find", lambda *arguments: found)
    outcome = cli(*QUICK)
    assert outcome.status == 1
    assert "no suggestion: the loss never falls" in outcome.out


def curve() -> LRFind:
    rates = [10.0**power for power in range(-20, 0)]
    losses = [2.0] * 8 + [1.8, 1.5, 1.0, 0.5, 0.2] + [0.1] * 3 + [5.0, 500.0, 5e10, 5e30]
    return judged(rates, losses, [2.0] * 20, 2.0)


def test_picture_shows_the_fall_whatever_explodes(tmp_path: Path) -> None:
    low, high = picture._limits(curve())
    assert -0.6 < low < 0.1
    assert 2 < high < 5
    picture.save(curve(), tmp_path / "curve.png", "curve")
    assert (tmp_path / "curve.png").stat().st_size > 5000
