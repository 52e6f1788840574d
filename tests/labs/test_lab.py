"""The frame of the labs: what holds, what does not, and that each lab is whole."""

import math
from pathlib import Path

import numpy as np
import pytest

from cnnlite import labs
from cnnlite.labs import Findings, Settings, Statement, Worst
from cnnlite.labs._lab import save_picture

ROOT = Path(__file__).parents[2]


def test_the_worst_of_all_cases_is_kept() -> None:
    worst = Worst("x = 0", allowed=0.5)
    worst.add(0.25)
    worst.add(np.array([[0.1, 0.5], [0.3, 0.0]]))
    worst.add(0.1)
    assert worst.statement == Statement("x = 0", 0.5, 3, 0.5)
    assert worst.statement.holds


@pytest.mark.parametrize("bad", [0.6, math.inf, math.nan, np.array([0.1, math.nan])])
def test_one_bad_case_fails_and_later_good_ones_do_not_help(bad: float) -> None:
    worst = Worst("x = 0", allowed=0.5)
    worst.add(bad)
    worst.add(0.0)
    assert not worst.statement.holds


def test_a_statement_without_cases_does_not_hold() -> None:
    assert not Worst("x = 0", allowed=0.5).statement.holds


def test_images_are_the_first_of_their_splits_with_the_whole_sets_normalisation() -> None:
    images = Settings().images(20, 10)
    assert images["X_train"].shape == (20, 3, 32, 32)
    assert len(images["y_val"]) == 10
    assert images.name == "embedded"
    assert images.normalization is not None


def test_a_picture_is_drawn_and_without_matplotlib_nothing_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    findings = Findings("", [], [], lambda figure: figure.subplots().plot([1, 2]), (4, 3))
    assert save_picture(findings, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    assert not save_picture(findings, tmp_path / "b.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_an_unknown_lab_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="no lab 'xyzzy'"):
        labs.load("xyzzy")


@pytest.mark.parametrize("name", labs.LABS)
def test_each_lab_has_its_name_a_page_a_picture_and_a_test(name: str) -> None:
    assert labs.load(name).name == name
    page = (ROOT / "docs" / "labs" / f"{name}.md").read_text(encoding="utf-8")
    assert f"../images/labs/{name}.png" in page
    assert "<details>" in page, "exercises have hidden solutions"
    assert f"]({name}.md)" in (ROOT / "docs" / "labs" / "index.md").read_text(encoding="utf-8")
    assert (ROOT / "docs" / "images" / "labs" / f"{name}.png").exists()
    assert (ROOT / "tests" / "labs" / f"test_{name}.py").exists()
