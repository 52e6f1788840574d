"""Loss and accuracy curves of a training, as a PNG."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnlite.files import replace_file
from cnnlite.training.history import best_epoch

# Okabe and Ito's blue and vermilion, which colour-blind people tell apart; line style and marker
# differ too, for prints in grey.
LOSS, TRAIN, VAL = "#0072B2", "#0072B2", "#D55E00"
INK, GRID = "#333333", "#dddddd"
MOST_MARKERS = 50  # epochs; more markers would run into one another
EXPLODED = 100  # times the first loss: from there on the axis is logarithmic


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
    left, right = figure.subplots(1, 2)
    _draw_loss(left, history, losses)
    _draw_accuracy(right, history)
    if title:
        figure.suptitle(title, color=INK, fontsize=11)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    replace_file(Path(path), picture.getvalue())
    return True


def _draw_loss(
    axes: Any, history: Sequence[Mapping[str, float]], loss_history: list[float]
) -> None:
    style(axes, "loss", len(history))
    means = [row["loss"] for row in history]
    if loss_history:
        per_epoch = history[0]["step"] / history[0]["epoch"] if history else 1
        steps = [(step + 1) / per_epoch for step in range(len(loss_history))]
        faint = {"alpha": 0.25, "linewidth": 0.8} if history else {}
        axes.plot(steps, loss_history, color=LOSS, label="each step", **faint)
        axes.set_xlim(0, max(steps[-1], len(history)) * (1 + 0.3 / max(1, len(history))))
    if history:  # an epoch's mean belongs to its middle
        middles = [row["epoch"] - 0.5 for row in history]
        axes.plot(
            middles, means, color=LOSS, marker=_marker("o", means), markersize=3.5,
            label="mean of the epoch",
        )  # fmt: skip
        val = [row.get("val_loss", math.nan) for row in history]
        if _finite(val):
            epochs = [row["epoch"] for row in history]
            axes.plot(
                epochs, val, color=VAL, marker=_marker("s", val), markersize=3.5,
                label="validation",
            )  # fmt: skip
            means = means + val
    else:
        axes.set_xlabel("step", color=INK)
    limit_loss(axes, _finite(means), _finite(loss_history))
    _legend_below(axes)


def limit_loss(axes: Any, means: list[float], steps: list[float]) -> None:
    """Choose the loss axis so that a few wild steps do not flatten the curve."""
    shown = means + sorted(steps)[: len(steps) - len(steps) // 50]
    if not shown:
        return
    low, high = min(shown), max(shown)
    first = (steps or means)[0]
    if low > 0 and high > EXPLODED * first:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.5, high * 1.5)
        return
    margin = 0.05 * (high - low) or 0.05
    axes.set_ylim(low - margin, high + margin)


def _draw_accuracy(axes: Any, history: Sequence[Mapping[str, float]]) -> None:
    style(axes, "accuracy", len(history))
    axes.yaxis.set_major_formatter("{x:g}%")
    if not history:
        axes.set(ylim=(0, 100), xticks=[], xlabel="")
        axes.text(
            0.5, 0.5, "no epoch was completed", ha="center", color=INK, transform=axes.transAxes
        )
        return
    epochs = [row["epoch"] for row in history]
    train = [100 * row["train_acc"] for row in history]
    val = [100 * row["val_acc"] for row in history]
    axes.plot(
        epochs, train, color=TRAIN, linestyle="--", marker=_marker("o", train), markersize=3.5,
        label="training",
    )  # fmt: skip
    best = best_epoch(history)
    label = "validation" if best is None else f"validation, best {100 * best['val_acc']:.1f}%"
    axes.plot(epochs, val, color=VAL, marker=_marker("s", val), markersize=3.5, label=label)
    if best is not None:
        place = best["epoch"], 100 * best["val_acc"]
        axes.plot(*place, "o", color=VAL, fillstyle="none", markersize=10)
    shown = _finite(train + val)
    if shown:
        low, high = min(shown), max(shown)
        margin = max(1.0, 0.1 * (high - low))
        axes.set_ylim(max(0, low - margin), min(100, high + margin) + 0.5)
    _legend_below(axes)


def _marker(shape: str, values: Sequence[float]) -> str:
    """A marker for each epoch, while there is room for them."""
    return shape if len(values) <= MOST_MARKERS else ""


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _legend_below(axes: Any) -> None:
    """Put the legend where no curve can run, whichever way curves go."""
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, frameon=False, labelcolor=INK
    )


def style(axes: Any, title: str, epochs: int) -> None:
    """Give axes over the epochs their title, and quiet lines."""
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_xlabel("epoch", color=INK)
    axes.set_xlim(0, epochs + 0.3 if epochs < MOST_MARKERS else 1.02 * epochs)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(colors=INK, length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
