"""Each figure has something in it, whatever it is given; it is never cut short silently."""

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from cnnlite.report.confusion import Confusion
from cnnlite.report.figures import answers, comparison, curves, network, statistics
from cnnlite.report.figures.style import MOST_POINTS, shades, short, thinned
from tests.report import pages


def drawn(figure: go.Figure) -> list[go.Figure]:
    """Return the traces that have numbers."""
    return [t for t in figure.data if any(v is not None and len(v) for v in (t.y, t.x))]


@pytest.mark.parametrize("epochs", [0, 1, 4, 1000])
def test_the_curves_of_any_number_of_epochs(epochs: int) -> None:
    figure = curves.curves(pages.history(epochs), [2.0, 1.0], 10 if epochs else 0)
    lines = {(t.name, t.yaxis): t for t in drawn(figure)}
    assert ("loss of each step", None) in lines
    assert (("validation", "y2") in lines) == (epochs > 0)
    if epochs:
        assert len(lines["validation", "y2"].y) == epochs
        assert len(lines["learning rate", "y3"].y) == epochs
    assert figure.layout.xaxis.title.text == ("epoch" if epochs else "step")


def test_a_mean_of_an_epoch_stands_in_its_middle() -> None:
    figure = curves.curves(pages.history(2), [], 10)
    places = {(t.name, t.yaxis): list(t.x) for t in figure.data}
    assert places["training", "y"] == [0.5, 1.5]
    assert places["validation", "y"] == places["training", "y2"] == [1, 2]


def test_a_loss_that_explodes_has_a_logarithmic_axis() -> None:
    rows = pages.history(3)
    rows[2]["loss"] = 1e6
    assert curves.curves(rows, [2.0, 1.0], 10).layout.yaxis.type == "log"
    assert curves.curves(pages.history(3), [2.0, 1.0], 10).layout.yaxis.type != "log"


def test_losses_that_are_not_finite_are_gaps() -> None:
    rows = pages.history(3)
    rows[1] |= {"loss": math.nan, "val_loss": math.inf, "val_acc": math.nan}
    figure = curves.curves(rows, [2.0, math.nan, 1.0], 10)
    assert all(map(math.isfinite, figure.layout.yaxis.range))


def test_a_long_line_keeps_its_peaks() -> None:
    values = [1.0] * 100_000
    values[54_321], values[77_777], values[5] = 9.0, -9.0, math.nan
    places, kept = thinned(values)
    assert len(kept) <= MOST_POINTS + 2
    assert {9.0, -9.0} <= set(kept)
    assert [values[place] for place in places] == kept
    assert places == sorted(places)


def test_several_trainings_have_a_colour_each() -> None:
    runs = {f"run {n}": pages.history(2 + n) for n in range(3)}
    figure = curves.compared(runs)
    colors = {t.legendgroup: t.line.color for t in figure.data}
    assert list(colors) == list(runs)
    assert len(set(colors.values())) == 3


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_a_confusion_matrix_of_any_size(classes: int) -> None:
    said = pages.answers(classes, (1, 4, 4), 200)
    found = Confusion(said.labels, said.predicted, [f"class {n}" for n in range(classes)])
    (heat,) = answers.confusion(found).data
    assert heat.z.shape == (classes, classes)
    right = np.eye(classes, dtype=bool)
    assert (heat.z[right] >= 0).all()
    assert (heat.z[~right] <= 0).all()
    assert (heat.text is not None) == (classes <= 30)
    assert len(answers.recall(found).data[0].x) == classes


def test_confidence_counts_each_answered_image_once() -> None:
    said = pages.answers(3, (1, 4, 4))
    right, wrong = answers.confidence(said.confidence, said.right).data
    assert sum(right.y) == said.right.sum()
    assert sum(wrong.y) == len(said.mistakes)


def test_statistics_leave_out_a_layer_that_has_none_and_keep_the_colours() -> None:
    layers = {"0": [1.0, 2.0], "1": [math.nan, math.nan], "2": [1e-5, 3.0]}
    figure = statistics.statistic("grad_norm", [1, 5], layers)
    assert [line.meta for line in figure.data] == ["0", "2"]
    assert [line.line.color for line in figure.data] == [shades(3)[0], shades(3)[2]]
    assert figure.layout.yaxis.type == "log"


@pytest.mark.parametrize(("largest", "ticks"), [(2.5, "D2"), (9.0, "D2"), (1e3, 1), (1e20, 4)])
def test_gradients_of_one_size_have_an_axis_with_numbers(largest: float, ticks: object) -> None:
    """From 0.4 to 2.5 there was one number beside the axis, 1e+0."""
    figure = statistics.statistic("grad_norm", [1, 2], {"0": [0.4, largest]})
    assert figure.layout.yaxis.dtick == ticks


@pytest.mark.parametrize("name", statistics.NAMES)
def test_statistics_of_nothing_are_an_empty_figure(name: str) -> None:
    assert not statistics.statistic(name, [1], {"0": [math.nan]}).data


def test_bars_of_the_layers_without_their_container() -> None:
    figure = network.costs(pages.rows())
    assert {t.name for t in figure.data} == {"forwards", "backwards"}
    assert [len(t.x) for t in figure.data] == [6, 6]
    assert figure.layout.yaxis.ticktext[0] == "0 Conv2d"


def test_the_spread_has_a_dot_for_each_run_and_a_bar_for_each_group() -> None:
    figure = comparison.spread({"a": [0.5, 0.7], "b": [0.6]})
    assert [list(t.x) for t in figure.data] == [[0.5, 0.7], [0.6]]
    assert [bar.x0 for bar in figure.layout.shapes] == pytest.approx([0.6, 0.6])


def test_names_are_no_markup_and_fit() -> None:
    assert short("<b>x</b>&%{y}$z$") == "&lt;b&gt;x&lt;/b&gt;&amp;%&#123;y}&#36;z&#36;"
    assert len(short("a" * 60)) == 22
    assert short("<" * 60).count("&lt;") == 21


def test_many_shades_differ() -> None:
    assert len(set(shades(40))) == 40


def test_accuracies_that_hardly_differ_have_ticks_that_differ() -> None:
    """One epoch has a range of a fraction of a percent: five ticks said 60%."""
    assert curves.curves(pages.history(1), [], 10).layout.yaxis2.tickformat == "~%"
    assert comparison.spread({"seeds": [0.97, 0.9701]}).layout.xaxis.tickformat == "~%"
    assert comparison.class_recalls(["one"], {"run": [0.5]}).layout.xaxis.tickformat == "~%"
