"""The curves of several trainings in one picture."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cnnlite.files import replace_file
from cnnlite.report.curves import INK, MOST_MARKERS, limit_loss, style

__all__ = ["Curves", "save"]

# Okabe and Ito's colours, those that are seen on white, which colour-blind people tell apart.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
FAINT = {"alpha": 0.2, "linewidth": 0.7}
FAR = 10
"""How far apart the highest rates of two trainings are before the axis is logarithmic."""
DEEP = 100
"""How far down that axis goes, under the lowest of the highest rates."""
WILD = 3
"""Losses at the start, above which a loss does not stretch the axis that others share."""


class Curves(NamedTuple):
    """What is drawn of a training."""

    name: str
    history: Sequence[Mapping[str, float]]  # a row an epoch
    losses: Sequence[float]  # of each step
    steps_per_epoch: int


def save(trainings: Sequence[Curves], path: str | Path, title: str = "") -> None:
    """Draw loss, accuracy and learning rate over the epochs, a colour for each training.

    A training that has not completed an epoch is drawn with the losses of its steps; with one
    training alone these are drawn behind its curves, too.

    Args:
        trainings: each with an epoch or a loss at least.
        path: the PNG; a file that is there is replaced, wholly or not at all.
        title: a line above the curves.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file cannot be written.
        ValueError: there is nothing to draw.
    """
    for training in trainings:
        if not training.history and not training.losses:
            raise ValueError(f"curves: {training.name} has neither an epoch nor a step")
    if not trainings:
        raise ValueError("curves: there are no trainings to draw")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4 + 0.22 * len(trainings)), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot: no window, no state that others see
    panels = figure.subplots(1, 3)
    epochs = max(len(training.history) for training in trainings)
    for axes, name in zip(panels, ("loss", "accuracy", "learning rate"), strict=True):
        style(axes, name, max(1, epochs))
    for number, training in enumerate(trainings):
        _draw(panels, training, number, alone=len(trainings) == 1)
    _limit(panels, trainings)
    figure.legend(
        handles=_legend(trainings), loc="outside lower left", ncols=1 if len(trainings) > 1 else 3,
        frameon=False, labelcolor=INK,
    )  # fmt: skip
    if title:
        figure.suptitle(title, color=INK, fontsize=11)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    replace_file(Path(path), picture.getvalue())


def _draw(panels: Sequence[Any], training: Curves, number: int, alone: bool) -> None:
    loss, accuracy, rate = panels
    color, marker = _look(number)
    rows = training.history
    if training.losses and (alone or not rows):
        steps = [(step + 1) / training.steps_per_epoch for step in range(len(training.losses))]
        loss.plot(steps, training.losses, color=color, **(FAINT if rows else {"linewidth": 1}))
    if not rows:
        return
    epochs = [row["epoch"] for row in rows]
    marks = {
        "color": color, "markersize": 3.5, "marker": marker if len(rows) <= MOST_MARKERS else "",
    }  # fmt: skip
    trained, validated = marks | {"linestyle": "--", "linewidth": 1}, marks
    # An epoch's mean belongs to its middle.
    loss.plot([epoch - 0.5 for epoch in epochs], _column(rows, "loss"), **trained)
    loss.plot(epochs, _column(rows, "val_loss"), **validated)
    for key, look in (("train_acc", trained), ("val_acc", validated)):
        accuracy.plot(epochs, [100 * value for value in _column(rows, key)], **look)
    rate.plot(epochs, _column(rows, "lr"), **marks)


def _limit(panels: Sequence[Any], trainings: Sequence[Curves]) -> None:
    """Choose the axes so that a wild training does not flatten the others."""
    loss, accuracy, rate = panels
    end = max(len(t.losses) / t.steps_per_epoch if not t.history else 0 for t in trainings)
    if end > loss.get_xlim()[1]:
        loss.set_xlim(0, 1.05 * end)
    limit_loss(loss, *_seen(trainings))
    accuracy.yaxis.set_major_formatter("{x:g}%")
    peaks = [max(_column(t.history, "lr")) for t in trainings if t.history]
    if not peaks:
        for axes in (accuracy, rate):
            axes.set(xticks=[], yticks=[], xlabel="")
            axes.text(
                0.5, 0.5, "no epoch was completed", ha="center", color=INK,
                transform=axes.transAxes,
            )  # fmt: skip
    elif min(peaks) > 0 and max(peaks) > FAR * min(peaks):
        rate.set_yscale("log")
        rate.set_ylim(bottom=min(peaks) / DEEP, top=2 * max(peaks))  # a cosine ends near 0
        rate.tick_params(which="both", length=0)
    else:
        rate.set_ylim(bottom=0)


def _seen(trainings: Sequence[Curves]) -> tuple[list[float], list[float]]:
    """Return the losses of epochs and of steps that the axis must show."""
    means: list[float] = []
    steps: list[float] = []
    starts = []
    for training in trainings:
        of_epochs = [_column(training.history, key) for key in ("loss", "val_loss")]
        means += _finite([*of_epochs[0], *of_epochs[1]])
        if not training.history or len(trainings) == 1:
            steps += _finite(training.losses)
        starts += _finite([*training.losses, *of_epochs[0]])[:1]
    if len(trainings) == 1:
        return means, steps
    most = WILD * max(starts, default=0)
    return [loss for loss in means if loss <= most], [loss for loss in steps if loss <= most]


def _legend(trainings: Sequence[Curves]) -> list[Any]:
    """Return a line for each training, and what its two styles mean."""
    from matplotlib.lines import Line2D

    def line(label: str, color: str, **look: Any) -> Any:
        return Line2D([], [], color=color, label=label, **look)

    handles = []
    for number, training in enumerate(trainings):
        color, marker = _look(number)
        rows = training.history
        best = max(_finite(_column(rows, "val_acc")), default=math.nan)
        text = f"best validation accuracy {best:.1%}" if rows else "no epoch was completed"
        handles.append(line(f"{training.name}: {text}", color, marker=marker, markersize=3.5))
    return [*handles, line("training", INK, linestyle="--", linewidth=1), line("validation", INK)]


def _look(number: int) -> tuple[str, str]:
    """Return a training's colour and marker; of the first 49 no two have both."""
    turn, place = divmod(number, len(COLORS))
    return COLORS[place], MARKERS[(place + turn) % len(MARKERS)]


def _column(rows: Sequence[Mapping[str, float]], key: str) -> list[float]:
    return [row[key] for row in rows]


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]
