"""`cnnlite gradcheck`: all of ours, or one of the user's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cnnlite
from cnnlite import layers, losses
from cnnlite.cli import gradcheck
from cnnlite.layers import Layer, ReLU

Cli = Callable[..., Any]
SCALE = """
import numpy as np
from cnnlite import Layer

class Scale(Layer):
    def __init__(self, size, start=1.0):
        self.params["weight"] = np.full(size, start, np.float32)

    def forward(self, x, train=True, rng=None):
        return x * self.params["weight"], x

    def backward(self, dy, cache, need_dx=True):
        return dy * self.params["weight"], {"weight": %s}
"""
RIGHT, WRONG = "(dy * cache).sum(axis=0)", "(dy * cache).mean(axis=0)"


def test_all_of_ours_are_right(cli: Cli) -> None:
    outcome = cli("gradcheck")
    assert outcome.status == 0
    assert "WRONG" not in outcome.out


def test_no_layer_and_no_loss_is_left_out() -> None:
    public = [getattr(cnnlite, name) for name in cnnlite.__all__]
    classes = {item for item in public if isinstance(item, type)}
    checked = {type(case[1]) for case in (*gradcheck.layer_cases(), *gradcheck.loss_cases())}
    wanted = {
        item
        for item in classes
        if issubclass(item, layers.Layer | losses.Loss) and item is not layers.Layer
    }
    assert wanted <= checked


def test_a_wrong_gradient_is_status_1_and_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    class Doubled(ReLU):
        def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
            return 2 * dy, {}

    def cases() -> list[tuple[str, Layer, tuple[int, ...]]]:
        return [("ReLU", ReLU(), (2, 3)), ("Doubled", Doubled(), (2, 3))]

    monkeypatch.setattr(gradcheck, "layer_cases", cases)
    outcome = cli("gradcheck")
    assert outcome.status == 1
    rows = {line.split()[0]: line for line in outcome.out.splitlines() if line}
    assert rows["ReLU"].rstrip().endswith("ok")
    assert "Doubled: gradients are WRONG" in outcome.out


class TestOneOfTheUsers:
    @pytest.mark.parametrize(("formula", "status"), [(RIGHT, 0), (WRONG, 1)])
    def test_status_tells(self, cli: Cli, formula: str, status: int) -> None:
        Path("mine.py").write_text(SCALE % formula)
        outcome = cli("gradcheck", "mine.py:Scale(3, start=2.0)", "--input", "4,3")
        assert outcome.status == status
        assert "Scale: gradients are " + ("WRONG" if status else "right") in outcome.out

    def test_it_may_import_its_neighbours(self, cli: Cli) -> None:
        Path("helper.py").write_text("SIZE = 3\n")
        Path("mine.py").write_text("from helper import SIZE\n" + SCALE % RIGHT)
        assert cli("gradcheck", "mine.py:Scale(3)", "--input", "4,3").status == 0

    def test_a_layer_that_raises_is_one_line(self, cli: Cli) -> None:
        Path("mine.py").write_text(SCALE % "cache.nothing")
        outcome = cli("gradcheck", "mine.py:Scale(3)", "--input", "4,3")
        assert outcome.status == 1
        assert outcome.err.startswith("cnnlite gradcheck: mine.py:Scale(3) raised AttributeError")
        assert len(outcome.err.splitlines()) == 1

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (["mine.py:Scale(3)"], "needs --input"),
            (["--input", "2,3"], "--input is for a layer of your own"),
            (["mine.py:Scale(3)", "--input", "2x3"], "'2x3' is not a shape such as 2,3,8,8"),
            (["mine.py:Scale(3)", "--input", "0,3"], "'0,3' is not a shape such as 2,3,8,8"),
            (["no.py:Scale", "--input", "2,3"], "no.py: no such file"),
            (["mine.py", "--input", "2,3"], "'mine.py' is not FILE.py:CLASS"),
            (["mine.py:Scal", "--input", "2,3"], "mine.py has no class Scal (there are: "),
            (["mine.py:Scale", "--input", "2,3"], "'mine.py:Scale' cannot be made: "),
            (["mine.py:Scale(x)", "--input", "2,3"], "arguments must be literals"),
            (["mine.py:Scale(**{})", "--input", "2,3"], "arguments must be literals"),
            (["mine.py:Scale(3))(", "--input", "2,3"], "is not FILE.py:CLASS"),
            (["broken.py:Scale", "--input", "2,3"], "broken.py cannot be loaded: SyntaxError"),
        ],
    )
    def test_what_is_wrong_is_one_line(self, cli: Cli, arguments: list[str], line: str) -> None:
        Path("mine.py").write_text(SCALE % RIGHT)
        Path("broken.py").write_text("class Scale(:\n")
        assert line in cli("gradcheck", *arguments).complaint
