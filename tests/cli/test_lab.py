"""`cnnlite lab`: what it lists, prints and saves, and its exit status."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlite import labs
from cnnlite.labs import Findings, Lab, Settings, Statement, Table

Cli = Callable[..., Any]


def run(settings: Settings) -> Findings:
    """A lab whose only statement holds for even seeds."""
    settings.say("counting")
    if settings.data == "cifar10":
        settings.images(1)
    statements = [Statement("the seed is even", settings.seed % 2, 7, 0)]
    tables = [Table("measured", ("what", "how much"), [("full", str(int(settings.full)))])]
    return Findings("no network", statements, tables, lambda figure: figure.subplots())


@pytest.fixture
def parity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(labs.LABS, "parity", __name__)
    monkeypatch.setitem(sys.modules, __name__, sys.modules[run.__module__])


LAB = Lab("parity", "Even or odd", run)
pytestmark = pytest.mark.usefixtures("parity")


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_lists_the_labs(cli: Cli) -> None:
    outcome = cli("lab")
    assert outcome.status == 0
    assert "parity Even or odd" in lines(outcome.out)


def test_prints_what_was_found_and_saves_the_picture(cli: Cli) -> None:
    pytest.importorskip("matplotlib")
    outcome = cli("lab", "parity", "--full", "--out", "a/b", "--threads", "1")
    assert outcome.status == 0
    assert outcome.err == ""
    printed = lines(outcome.out)
    assert "the seed is even 0.0e+00 7 0e+00 yes" in printed
    assert "full 1" in printed
    assert Path("a/b/parity.png").exists()


def test_a_statement_that_fails_gives_status_1(cli: Cli) -> None:
    outcome = cli("lab", "parity", "--seed", "1")
    assert outcome.status == 1
    assert outcome.err == "cnnlite lab: does not hold: the seed is even\n"


def test_without_matplotlib_one_line_says_how_to_get_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    outcome = cli("lab", "parity")
    assert outcome.status == 0
    assert lines(outcome.out)[-1] == 'no picture: it needs matplotlib, pip install "cnnlite[viz]"'
    assert not Path("parity.png").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["partiy"], "cnnlite lab: no lab partiy; did you mean parity?"),
        (["parity", "--data", "mnist"], "'mnist' is not one of 'embedded', 'cifar10'"),
        (["parity", "--data", "cifar10"], "CIFAR-10 is not in"),
        (["parity", "--seed", "-1"], "-1 is not in the range"),
    ],
)
def test_what_is_wrong_is_one_line(cli: Cli, arguments: list[str], line: str) -> None:
    assert line in cli("lab", *arguments).complaint


def test_a_folder_that_cannot_be_made_is_found_before_the_lab_runs(cli: Cli) -> None:
    Path("file").write_text("")
    outcome = cli("lab", "parity", "--out", "file")
    assert "file: File exists" in outcome.complaint
    assert outcome.out == ""
