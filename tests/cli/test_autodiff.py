"""`cnnlite autodiff`: what it prints, draws, and refuses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
PROBLEM = "cos(w1)*cos(w2) + sigmoid(w2), ln(w1 + w2) + w1**2*w2"


def test_prints_the_problem_sets_figures(cli: Cli) -> None:
    outcome = cli("autodiff", PROBLEM, "--at", "w1=1,w2=2", "--output", "2")
    assert outcome.status == 0
    rows = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert "v5 = v3 + v4 = 0.655952 dv5/dv3 = 1 dv5/dv4 = 1" in rows
    assert "8 v6 -> w2 0.333333 * 1 = 0.333333 w2: 1.33333" in rows
    start = rows.index("forward differences, h = 0.01 40 [[0.35129, -0.38557], 1.9e-02")
    assert rows[start + 1] == "[4.35278, 1.33278]]"
    start = rows.index("reverse mode 33 [[0.35018, -0.38630],")
    assert rows[start + 1] == "[4.33333, 1.33333]]"
    assert rows[rows.index("Hessian [[3.88889, 1.88889],") + 1] == "[1.88889, -0.11111]]"


def test_draws(cli: Cli) -> None:
    outcome = cli("autodiff", "(x+y)*(y+1)", "--at", "x=3,y=4", "--svg", "g.svg", "--frames", "f")
    assert outcome.status == 0
    assert "adjoint 12" in Path("g.svg").read_text()
    assert sorted(path.name for path in Path("f").iterdir()) == [
        f"step-{step:02}.svg" for step in range(6)
    ]


def test_where_only_some_of_it_exists_the_rest_is_shown(cli: Cli) -> None:
    outcome = cli("autodiff", "x**1.5", "--at", "x=0")
    assert outcome.status == 0
    assert "not defined so near to here" in outcome.out  # central differences, at -0.01
    assert "Hessian does not exist here: v1 = x ** 0.5" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["x^2", "--at", "x=1"], "a power is written **, not ^"),
        (["x"], "missing option '--at'"),
        (["x", "--at", "x"], "--at: 'x' is not NAME=NUMBER"),
        (["x", "--at", "x=1,x=2"], "--at: 'x=2' is not NAME=NUMBER, or not the first"),
        (["x", "--at", "x=inf"], "--at: 'x=inf' is not"),
        (["x", "--at", "x=1", "--output", "2"], "--output is 2, the expression has 1"),
        (["x", "--at", "x=1", "--step", "0"], "--step is 0, expected a positive number"),
        (["ln(x)", "--at", "x=0"], "v1 = ln(x)"),
        (["x", "--at", "x=1", "--svg", "no/where.svg"], "no/where.svg: No such file"),
    ],
)
def test_what_is_wrong_is_one_line(cli: Cli, arguments: list[str], line: str) -> None:
    assert line in cli("autodiff", *arguments).complaint


def test_an_expression_may_begin_with_a_minus(cli: Cli) -> None:
    outcome = cli("autodiff", "-x*y", "--at", "x=1,y=2")
    assert outcome.status == 0
    assert "[[-2.00000, -1.00000]]" in outcome.out


def test_huge_derivatives_are_not_written_out_digit_by_digit(cli: Cli) -> None:
    outcome = cli("autodiff", "1e200*x**2", "--at", "x=2")
    assert "Hessian [[2.00000e+200]]" in outcome.out
