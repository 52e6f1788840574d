"""Loss and accuracy curves of a training, as a PNG."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnlite._storage import replace_file

# Okabe and Ito's blue and vermilion, which colour-blind people tell apart; line style and marker
# differ too, for prints in grey.
LOSS, TRAIN, VAL = "#0072B2", "#0072B2", "#D55E00"
INK, GRID = "#333333", "#dddddd"


def save(
    history: Sequence[Mapping[str, float]],
    path: str | Path,
    loss_history: Sequence[float] | None = None,
    title: str = "",
) -> bool:
    """Draw the curves; without matplotlib, say in one line how to get it.

    Args:
        history: ``solver.history``; a training that ended in its first epoch has no row yet.
        path: the PNG; a file that is there is replaced, wholly or not at all.
        loss_history: ``solver.loss_history``, drawn faintly behind the means of the epochs.
        title: a line above the curves.

    Returns:
        Whether the picture was drawn.

    Raises:
        OSError: the file cannot be written.
        ValueError: the history is empty, and there are no losses of steps either.
    """
    losses = [] if loss_history is None else list(loss_history)
    if not history and not losses:
        raise ValueError("curves: the history is empty, there is nothing to draw")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        name = Path(path).name
        print(
            f"{name} is left out: it needs matplotlib (pip install 'cnnlite[viz]')", file=sys.stderr
        )
        return False
    figure = Figure(figsize=(9, 3.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot: no window, no state that others see
    if history:
        left, right = figure.subplots(1, 2)
        _draw_loss(left, history, losses)
        _draw_accuracy(right, history)
    else:
        _draw_steps(figure.subplots(), losses)
    if title:
        figure.suptitle(title, color=INK, fontsize=11)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    replace_file(Path(path), picture.getvalue())
    return True


def _draw_loss(
    axes: Any, history: Sequence[Mapping[str, float]], loss_history: list[float]
) -> None:
    _style(axes, "training loss", len(history))
    if loss_history:
        per_epoch = history[0]["step"] / history[0]["epoch"]
        steps = [(step + 1) / per_epoch for step in range(len(loss_history))]
        axes.plot(steps, loss_history, color=LOSS, alpha=0.25, linewidth=0.8, label="each step")
    # An epoch's mean belongs to its middle.
    middles = [row["epoch"] - 0.5 for row in history]
    losses = [row["loss"] for row in history]
    axes.plot(middles, losses, color=LOSS, marker="o", markersize=3.5, label="mean of the epoch")
    low, high = min(losses), max(losses)
    if loss_history:  # single wild steps must not flatten the curve
        low, high = (
            min(low, min(loss_history)),
            max(high, sorted(loss_history)[-1 - len(loss_history) // 50]),
        )
        axes.legend(frameon=False, labelcolor=INK)
    margin = 0.05 * (high - low) or 0.05
    axes.set_ylim(low - margin, high + margin)


def _draw_steps(axes: Any, losses: list[float]) -> None:
    """Draw the losses of a training that has not come to the end of an epoch."""
    _style(axes, "training loss of each step", len(losses))
    axes.plot(range(1, len(losses) + 1), losses, color=LOSS, marker="o", markersize=2)
    axes.set_xlabel("step", color=INK)
    if min(losses) > 0 and max(losses) > 1000 * min(losses):  # it exploded
        axes.set_yscale("log")


def _draw_accuracy(axes: Any, history: Sequence[Mapping[str, float]]) -> None:
    _style(axes, "accuracy", len(history))
    epochs = [row["epoch"] for row in history]
    train = [100 * row["train_acc"] for row in history]
    val = [100 * row["val_acc"] for row in history]
    axes.plot(
        epochs, train, color=TRAIN, linestyle="--", marker="o", markersize=3.5, label="training"
    )
    best = max(range(len(val)), key=val.__getitem__)
    label = f"validation, best {val[best]:.1f}%"
    axes.plot(epochs, val, color=VAL, marker="s", markersize=3.5, label=label)
    axes.plot(epochs[best], val[best], "o", color=VAL, fillstyle="none", markersize=10)
    axes.yaxis.set_major_formatter("{x:g}%")
    low, high = min(train + val), max(train + val)
    margin = max(1.0, 0.1 * (high - low))
    axes.set_ylim(max(0, low - margin), min(100, high + margin) + 0.5)
    axes.legend(frameon=False, labelcolor=INK, loc="lower right")


def _style(axes: Any, title: str, epochs: int) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_xlabel("epoch", color=INK)
    axes.set_xlim(0, epochs + 0.3)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(colors=INK, length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
