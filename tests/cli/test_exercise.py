"""`cnnlite exercise`: lists, writes, checks, refuses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlite.exercises import EXERCISES, starting_file

Cli = Callable[..., Any]
SOLUTIONS = Path(__file__).parents[1] / "exercises" / "solutions"


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_lists_every_exercise(cli: Cli) -> None:
    outcome = cli("exercise")
    assert outcome.status == 0
    listed = {line.split()[0] for line in outcome.out.splitlines() if line[:1].strip()}
    assert set(EXERCISES) <= listed


def test_writes_a_starting_file_and_never_over_another(cli: Cli) -> None:
    assert cli("exercise", "relu").status == 0
    assert Path("relu.py").read_text(encoding="utf-8") == starting_file("relu")
    Path("relu.py").write_text("hours of work")
    assert "relu.py is there already" in cli("exercise", "relu").complaint
    assert Path("relu.py").read_text() == "hours of work"
    assert cli("exercise", "relu", "--out", "new/mine.py").status == 0
    assert Path("new/mine.py").exists()


def test_writes_all(cli: Cli) -> None:
    assert cli("exercise", "all", "--out", "lab").status == 0
    assert {path.name for path in Path("lab").iterdir()} == {e.file for e in EXERCISES.values()}


def test_a_starting_file_is_wrong_kindly(cli: Cli) -> None:
    cli("exercise", "linear")
    outcome = cli("exercise", "check", "linear.py", "--part", "dx")
    assert outcome.status == 1
    assert rows(outcome.out)[3:5] == ["dx to do 0/2", "total 0/2"]
    assert "dx is None: not filled in yet" in outcome.out
    assert "Traceback" not in outcome.out + outcome.err


def test_a_right_solution(cli: Cli) -> None:
    outcome = cli("exercise", "check", SOLUTIONS / "relu.py", "--seed", "5")
    assert outcome.status == 0
    assert rows(outcome.out)[3:] == ["forward right 2/2", "backward right 3/3", "total 5/5"]


def test_one_wrong_part_or_one_wrong_file_is_wrong(cli: Cli) -> None:
    text = (SOLUTIONS / "relu.py").read_text(encoding="utf-8").replace("(x > 0)", "(x < 0)")
    Path("mine.py").write_text(text)
    outcome = cli("exercise", "check", "mine.py")
    assert outcome.status == 1
    assert rows(outcome.out)[3:6] == ["forward right 2/2", "backward wrong 0/3", "total 2/5"]
    assert "likely: it flows where x is negative" in outcome.out
    assert cli("exercise", "check", "mine.py", "--part", "forward").status == 0
    assert cli("exercise", "check", SOLUTIONS / "relu.py", "mine.py").status == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["convolutoin"], "no exercise convolutoin; did you mean convolution?"),
        (["check"], "check needs a file"),
        (["check", "no.py"], "no.py: No such file"),
        (["check", "."], ".: Is a directory"),
        (["check", "other.py"], "other.py does not say which exercise it is"),
        (["check", "relu.py", "--part", "foward"], "no part foward; did you mean forward?"),
        (["check", "relu.py", "--seconds", "0"], "--seconds"),
        (["check", "relu.py", "--seconds", "nan"], "--seconds is nan, expected at most 86400"),
        (["check", "relu.py", "--seconds", "inf"], "--seconds is inf, expected at most 86400"),
        (["check", "relu.py", "--out", "x"], "--out goes with the name of an exercise"),
        (["relu", "relu.py"], "FILE goes with check"),
        (["relu", "--part", "forward"], "--part goes with check"),
        (["relu", "--out", "relu.py/x.py"], "relu.py"),
    ],
)
def test_what_is_wrong_is_one_line(cli: Cli, arguments: list[str], line: str) -> None:
    cli("exercise", "relu")
    Path("other.py").write_text("# cnnlite exercise: knitting\n")
    assert line in cli("exercise", *arguments).complaint
