"""Several trainings in one picture: nothing is covered, and a wild one flattens no other."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from cnnlite.report import comparison
from cnnlite.report.comparison import Curves


def training(name: str = "run", epochs: int = 3, loss: float = 2.0, lr: float = 0.1) -> Curves:
    rows = [
        {"epoch": i, "step": 10 * i, "lr": lr, "loss": loss / i, "train_acc": 0.1 * i,
         "val_acc": 0.05 * i, "val_loss": 1.1 * loss / i, "images_per_second": 1.0}
        for i in range(1, epochs + 1)
    ]  # fmt: skip
    return Curves(name, rows, [loss] * 10 * epochs, 10)


def begun(losses: list[float]) -> Curves:
    return Curves("begun", [], losses, 10)


def drawn(folder: Path, monkeypatch: pytest.MonkeyPatch, trainings: list[Curves]) -> Any:
    """The matplotlib figure of a picture."""
    module = pytest.importorskip("matplotlib.figure")
    figures: list[Any] = []

    class Kept(module.Figure):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            figures.append(self)

    monkeypatch.setattr(module, "Figure", Kept)
    comparison.save(trainings, folder / "curves.png", "a title")
    assert (folder / "curves.png").read_bytes()[1:4] == b"PNG"
    return figures[0]


@pytest.mark.parametrize("number", [1, 2, 8])
@pytest.mark.parametrize("epochs", [1, 3, 300])
def test_the_legend_covers_no_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, epochs: int
) -> None:
    figure = drawn(tmp_path, monkeypatch, [training(f"r{i}", epochs) for i in range(number)])
    (legend,) = figure.legends
    for axes in figure.axes:
        assert legend.get_window_extent().y1 < axes.get_window_extent().y0
        assert axes.get_window_extent().height > 200
    texts = [text.get_text() for text in legend.get_texts()]
    assert [text.partition(":")[0] for text in texts[:number]] == [f"r{i}" for i in range(number)]
    assert texts[number:] == ["training", "validation"]


def test_loss_accuracy_and_rate_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loss, accuracy, rate = drawn(tmp_path, monkeypatch, [training(), training(lr=0.2)]).axes
    data = [[line.get_ydata() for line in axes.lines] for axes in (loss, accuracy, rate)]
    assert [len(lines) for lines in data] == [4, 4, 2]
    assert data[0][0] == pytest.approx([2, 1, 2 / 3])
    assert data[0][1] == pytest.approx([2.2, 1.1, 2.2 / 3])
    assert data[1][0] == pytest.approx([10, 20, 30])
    assert data[1][1] == pytest.approx([5, 10, 15])
    assert data[2][1] == pytest.approx([0.2] * 3)
    assert {line.get_linestyle() for line in loss.lines[::2]} == {"--"}
    assert len({line.get_color() for line in loss.lines}) == 2


def test_no_two_of_many_look_alike() -> None:
    assert len({comparison._look(number) for number in range(49)}) == 49


def test_a_diverged_training_flattens_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wild = begun([2.0, 1e5, 1e30, math.nan, math.inf])
    loss = drawn(tmp_path, monkeypatch, [training(), wild]).axes[0]
    assert loss.get_yscale() == "linear"
    assert loss.get_ylim()[1] < 5
    exploded = training()
    exploded.history[2]["val_loss"] = 1e30
    assert drawn(tmp_path, monkeypatch, [training(), exploded]).axes[0].get_ylim()[1] < 5


def test_a_diverged_training_alone_has_a_logarithmic_axis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = drawn(tmp_path, monkeypatch, [begun([2.0, 1e5, 1e30, math.nan])])
    assert figure.axes[0].get_yscale() == "log"
    for axes in figure.axes[1:]:
        assert [text.get_text() for text in axes.texts] == ["no epoch was completed"]


@pytest.mark.parametrize("others", [[], [training()]])
def test_a_training_without_an_epoch_has_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: list[Curves]
) -> None:
    figure = drawn(tmp_path, monkeypatch, [begun([2.0, 1.5, 1.0]), *others])
    curve = figure.axes[0].lines[0]
    assert curve.get_xdata() == pytest.approx([0.1, 0.2, 0.3])
    assert curve.get_ydata() == pytest.approx([2.0, 1.5, 1.0])
    assert figure.legends[0].get_texts()[0].get_text() == "begun: no epoch was completed"


def test_rates_far_apart_have_a_logarithmic_axis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = [training(lr=0.1), training(lr=1e-4)]
    far[0].history[2]["lr"] = 1e-12  # as a cosine ends
    rate = drawn(tmp_path, monkeypatch, far).axes[2]
    assert rate.get_yscale() == "log"
    assert rate.get_ylim()[0] == pytest.approx(1e-6)
    near = drawn(tmp_path, monkeypatch, [training(lr=0.1), training(lr=0.05)]).axes[2]
    assert near.get_yscale() == "linear"


def test_runs_from_before_the_validation_loss_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = training()
    for row in old.history:
        row["val_loss"] = math.nan  # as history.load reads them
    figure = drawn(tmp_path, monkeypatch, [old])
    assert figure.axes[0].get_ylim()[1] < 3


@pytest.mark.parametrize("trainings", [[], [begun([])], [training(), begun([])]])
def test_nothing_to_draw(tmp_path: Path, trainings: list[Curves]) -> None:
    with pytest.raises(ValueError, match=r"curves: (there are no|begun has neither)"):
        comparison.save(trainings, tmp_path / "curves.png")
