"""The frame of the labs: what holds, what does not, and that each lab is whole."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import labs
from cnnlite.labs import Findings, Settings, Statement, Worst
from cnnlite.labs.lab import save_picture

ROOT = Path(__file__).parents[2]
LABS = ROOT / "docs" / "learn" / "labs"


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
    page = (LABS / f"{name}.md").read_text(encoding="utf-8")
    assert f"../../images/labs/{name}.png" in page
    assert "<details>" in page, "exercises have hidden solutions"
    assert f"]({name}.md)" in (LABS / "index.md").read_text(encoding="utf-8")
    assert (ROOT / "docs" / "images" / "labs" / f"{name}.png").exists()
    assert (ROOT / "tests" / "labs" / f"test_{name}.py").exists()


class TestPictures:
    """Each line, colour and row of a picture is explained in it."""

    def test_all_lines_of_the_sgd_lab_are_in_its_legends(self) -> None:
        from cnnlite.labs.sgd import picture
        from cnnlite.labs.sgd.network import Course

        course = Course(5, np.array([2.0, 1.9, 1.95]), np.ones(2), np.ones(2))
        figure = drawn(lambda figure: picture.draw([course] * 4, figure), (11, 4.2))
        for axes in figure.axes:
            assert all(not line.get_label().startswith("_") for line in axes.lines)
            assert len(axes.get_legend().get_texts()) == len(axes.lines)
        assert "its minimum, 9/4" in [text.get_text() for text in legend_texts(figure)]

    def test_the_matrices_of_the_imbalance_lab_have_class_names_and_a_scale(self) -> None:
        from cnnlite.labs.imbalance import picture

        names = ["disc", "horizontal stripes", "star"]
        matrices = {name: np.eye(3, dtype=np.int64) for name in ("cross-entropy", "focal loss")}
        counts = np.array([9, 4, 1])
        figure = drawn(lambda figure: picture.draw(counts, matrices, names, figure), (10, 7.6))
        _, first, second, scale = figure.axes
        for labels in (first.get_xticklabels(), first.get_yticklabels(), second.get_xticklabels()):
            assert [label.get_text() for label in labels] == names
        assert scale.get_ylabel() == "share of the class's images"

    def test_the_matrices_of_the_convolution_lab_have_scales(self) -> None:
        from cnnlite.labs.convolution import picture

        errors = {f"layer {i}": [0.0, 0.1] for i in range(6)}
        figure = drawn(lambda figure: picture.draw(errors, figure), (9, 6.2))
        assert sum(axes.get_ylabel() == "entry" for axes in figure.axes) == 3

    @pytest.mark.parametrize("name", ["sgd", "imbalance"])
    def test_legends_cover_nothing(self, name: str) -> None:
        figure = self.figure(name)
        for axes in figure.axes:
            if axes.get_legend() is not None:
                below = axes.get_legend().get_window_extent().y1
                assert below < axes.get_window_extent().y0

    def figure(self, name: str) -> Any:
        if name == "sgd":
            from cnnlite.labs.sgd import picture
            from cnnlite.labs.sgd.network import Course

            course = Course(5, np.array([2.0, 1.9, 1.95]), np.ones(2), np.ones(2))
            return drawn(lambda figure: picture.draw([course] * 4, figure), (11, 4.2))
        from cnnlite.labs.imbalance import picture as matrices

        found = {"cross-entropy": np.eye(3, dtype=np.int64)}
        names = ["disc", "ring", "star"]
        return drawn(lambda f: matrices.draw(np.array([9, 4, 1]), found, names, f), (10, 7.6))


def drawn(draw: Callable[[Any], None], size: tuple[float, float]) -> Any:
    """A matplotlib figure, laid out as `save_picture` lays it out."""
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=150, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    draw(figure)
    canvas.draw()
    return figure


def legend_texts(figure: Any) -> list[Any]:
    return [text for axes in figure.axes if axes.get_legend() for text in axes.get_legend().texts]
