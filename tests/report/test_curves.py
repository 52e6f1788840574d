"""The picture of the curves: drawn without a display, left out with one line without matplotlib."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.report import curves

ROOT = Path(__file__).parents[2]
HISTORY = [
    {
        "epoch": epoch,
        "step": 10 * epoch,
        "lr": 0.1,
        "loss": 2 / epoch,
        "train_acc": 0.5 + 0.1 * epoch,
        "val_acc": 0.4 + 0.1 * epoch,
        "images_per_second": 100.0,
    }
    for epoch in (1, 2, 3)
]


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("losses", [None, np.linspace(3, 1, 30)])
def test_a_picture_is_drawn(tmp_path: Path, epochs: int, losses: np.ndarray | None) -> None:
    image = pytest.importorskip("PIL.Image")
    assert curves.save(HISTORY[:epochs], tmp_path / "curves.png", losses, "a title")
    with image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (1350, 540)
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)} <= colors
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


def test_pyplot_is_left_alone(tmp_path: Path) -> None:
    """It would choose a window system, and keep figures for ever."""
    program = (
        "import sys; from cnnlite.report import curves\n"
        f"curves.save({HISTORY!r}, {str(tmp_path / 'curves.png')!r})\n"
        "assert 'matplotlib.figure' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_without_matplotlib_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert not curves.save(HISTORY, tmp_path / "curves.png")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "curves.png is left out: it needs matplotlib (pip install 'cnnlite[viz]')\n"
    assert not list(tmp_path.iterdir())


def falling(epochs: int) -> list[dict[str, float]]:
    return [
        {**HISTORY[0], "epoch": i, "step": 10 * i, "loss": float(i), "train_acc": 1 - i / epochs,
         "val_acc": 0.9 - 0.8 * i / epochs}
        for i in range(1, epochs + 1)
    ]  # fmt: skip


@pytest.mark.parametrize("history", [HISTORY, HISTORY[:1], falling(8), falling(300)])
def test_the_legends_cover_no_curve(
    tmp_path: Path, history: list[dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where accuracy rises nor where it falls: they stand below the axes."""
    figure = drawn(tmp_path, monkeypatch, history, np.linspace(1, 5, 10 * len(history)))
    for axes in figure.axes:
        legend = axes.get_legend()
        assert legend is not None
        assert legend.get_window_extent().y1 < axes.get_window_extent().y0


def test_a_loss_that_explodes_gets_a_logarithmic_axis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = [2.3] * 10 + [10.0**k for k in range(12)] + [float("nan"), float("inf")]
    history = [{**HISTORY[0], "loss": float("nan")}]
    figure = drawn(tmp_path, monkeypatch, history, losses)
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].get_ylim()[1] < 1e13


def test_an_interrupted_training_has_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = drawn(tmp_path, monkeypatch, [], [2.3, 2.2, 2.25])
    (curve,) = figure.axes[0].lines
    assert curve.get_ydata().tolist() == [2.3, 2.2, 2.25]
    assert figure.axes[0].get_xlabel() == "step"
    assert [text.get_text() for text in figure.axes[1].texts] == ["no epoch was completed"]


def drawn(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    history: list[dict[str, float]],
    losses: Any,
) -> Any:
    """The matplotlib figure of a picture."""
    module = pytest.importorskip("matplotlib.figure")
    figures: list[Any] = []

    class Kept(module.Figure):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            figures.append(self)

    monkeypatch.setattr(module, "Figure", Kept)
    assert curves.save(history, folder / "curves.png", losses, "a title")
    return figures[0]


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="curves: the history is empty"):
        curves.save([], tmp_path / "curves.png")


@pytest.mark.parametrize("losses", [[2.3, 2.2], [2.3, 1e3, 1e12], [0.0, 1.0], [1.5]])
def test_a_training_that_ended_in_its_first_epoch_has_its_losses_drawn(
    tmp_path: Path, losses: list[float]
) -> None:
    """Diverged and interrupted runs had no picture at all."""
    assert curves.save([], tmp_path / "curves.png", losses, "title")
    assert (tmp_path / "curves.png").read_bytes()[1:4] == b"PNG"


def test_the_validation_loss_is_drawn_at_the_ends_of_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = [{**row, "val_loss": 3.0 + row["epoch"]} for row in HISTORY]
    axes = drawn(tmp_path, monkeypatch, history, np.linspace(3, 1, 30)).axes[0]
    (curve,) = (line for line in axes.lines if line.get_label() == "validation")
    assert curve.get_xdata().tolist() == [1, 2, 3]
    assert curve.get_ydata().tolist() == [4, 5, 6]
    assert axes.get_ylim()[1] > 6
    assert axes.get_legend().get_window_extent().y1 < axes.get_window_extent().y0
