"""`--notebook` of exercises and labs: what is written, what is checked, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlite.exercises import EXERCISES
from cnnlite.labs import LABS

Cli = Callable[..., Any]


def cells(path: str) -> list[dict[str, Any]]:
    return json.loads(Path(path).read_text(encoding="utf-8"))["cells"]


def test_an_exercise_is_written_checked_and_never_written_over(cli: Cli) -> None:
    outcome = cli("exercise", "relu", "--notebook")
    assert "cnnlite exercise check relu.ipynb tests it" in outcome.out
    outcome = cli("exercise", "check", "relu.ipynb")
    assert outcome.status == 1
    assert outcome.out.count("to do") == 2
    first = Path("relu.ipynb").read_bytes()
    assert "relu.ipynb is there already" in cli("exercise", "relu", "--notebook").complaint
    cli("exercise", "relu", "--notebook", "--out", "again/relu.ipynb")
    assert Path("again/relu.ipynb").read_bytes() == first  # no random names of cells


def test_all_exercises_are_written(cli: Cli) -> None:
    assert cli("exercise", "all", "--notebook", "--out", "lab").status == 0
    names = {e.file.replace(".py", ".ipynb") for e in EXERCISES.values()}
    assert {path.name for path in Path("lab").iterdir()} == names


def test_an_exercise_of_ones_own_and_its_class(cli: Cli) -> None:
    assert cli("exercise", "make", "mean", "--notebook").status == 0
    assert cli("exercise", "mean.ipynb", "--notebook", "--out", "class/anna.ipynb").status == 0
    assert cli("exercise", "mean.ipynb", "--out", "class/bob.py").status == 0
    outcome = cli("exercise", "check", "class", "--exercise", "mean.ipynb", "--csv", "points.csv")
    assert outcome.status == 1
    assert outcome.out.count("0/2") == 2
    assert Path("points.csv").read_text(encoding="utf-8").count("\n") > 2
    written = "".join("".join(cell["source"]) for cell in cells("class/anna.ipynb"))
    assert "exercise check anna.ipynb --exercise mean.ipynb" in written


@pytest.mark.parametrize("name", LABS)
def test_a_lab_is_theory_functions_and_the_run(cli: Cli, name: str) -> None:
    assert cli("lab", name, "--notebook", "--seed", "3", "--out", "labs").status == 0
    found = cells(f"labs/{name}.ipynb")
    assert found[0]["source"][0].startswith("# ")
    code = ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]
    assert f"labs.load('{name}').run(settings)" in code[-1]
    assert "seed=3" in code[-1]
    for text in code[:-1]:  # what is imported is there
        exec(text, {})
    told = cli("lab", name, "--notebook", "--out", "labs").complaint
    assert "is there already, and is not written over" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exercise", "--notebook"], "--notebook goes with the name of an exercise"),
        (["exercise", "list", "--notebook"], "--notebook goes with the name of an exercise"),
        (["exercise", "check", "a.ipynb", "--notebook"], "--notebook goes with the name"),
        (["exercise", "relu", "--notebook", "--out", "a.py"], "ends in .ipynb goes with"),
        (["exercise", "relu", "--out", "a.ipynb"], "ends in .ipynb goes with --notebook"),
        (["exercise", "make", "mean", "--out", "a.ipynb"], "ends in .ipynb goes with --notebook"),
        (["exercise", "check", "gone.ipynb"], "gone.ipynb: No such file"),
        (["exercise", "check", "broken.ipynb"], "broken.ipynb is no notebook: it is not JSON"),
        (["exercise", "check", "old.ipynb"], "old.ipynb has nbformat 3, expected 4"),
        (["exercise", "check", "empty.ipynb"], "empty.ipynb has no cell with code"),
        (["exercise", "broken.ipynb"], "broken.ipynb is no notebook"),
        (["exercise", "check", "x.py", "--exercise", "old.ipynb"], "has nbformat 3"),
        (["exercise", "check", "x.py", "--csv", "old.ipynb"], "write over a submission"),
        (["gradcheck", "old.ipynb:Scale", "--input", "2,3"], "has nbformat 3"),
        (["lab", "--notebook"], "--notebook needs the name of a lab"),
        (["lab", "descent", "--notebook", "--threads", "2"], "--threads is for a run"),
    ],
)
def test_what_is_wrong_is_one_line(cli: Cli, arguments: list[str], said: str) -> None:
    Path("broken.ipynb").write_text("x = 1")
    Path("old.ipynb").write_text('{"nbformat": 3, "worksheets": []}')
    Path("empty.ipynb").write_text('{"nbformat": 4, "cells": []}')
    Path("x.py").write_text("")
    assert said in cli(*arguments).complaint


def test_a_layer_in_a_notebook_is_checked(cli: Cli) -> None:
    layer = [
        "from cnnlite import Layer\n",
        "class Twice(Layer):\n",
        "    def forward(self, x, train=True, rng=None):\n",
        "        return 2 * x, None\n",
        "    def backward(self, dy, cache, need_dx=True):\n",
        "        return 2 * dy, {}\n",
    ]
    sources = ["%matplotlib inline", "1 / 0", layer, "Broken = 1\nclass Broken: pass\nx.y"]
    notebook = {
        "nbformat": 4,
        "cells": [{"cell_type": "code", "source": source} for source in sources],
    }
    Path("mine.ipynb").write_text(json.dumps(notebook))
    outcome = cli("gradcheck", "mine.ipynb:Twice", "--input", "2,3")
    assert outcome.status == 0, outcome
    assert "gradients are right" in outcome.out
    told = cli("gradcheck", "mine.ipynb:Thrice", "--input", "2,3").complaint
    assert "ZeroDivisionError" in told
