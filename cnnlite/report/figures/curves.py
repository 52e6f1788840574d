"""Loss, accuracy and learning rate over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from cnnlite.report.curves import EXPLODED, MOST_MARKERS
from cnnlite.report.figures.style import blank, color_of, column, finite, short, thinned
from cnnlite.report.palette import FAINT, LINE, PAPER, RIGHT, WRONG
from cnnlite.training.history import best_epoch

__all__ = ["compared", "curves"]

_PANELS = {
    "yaxis": {"domain": [0.58, 1], "title": {"text": "loss"}},
    "yaxis2": {"domain": [0.17, 0.52], "title": {"text": "accuracy"}, "tickformat": "~%"},
    "yaxis3": {"domain": [0, 0.11], "title": {"text": "rate"}, "nticks": 3, "rangemode": "tozero"},
}
_HEIGHT = 640


def curves(
    history: Sequence[Mapping[str, Any]], losses: Sequence[float], steps_per_epoch: int
) -> go.Figure:
    """Draw the curves of one training: training and validation, and the learning rate as a strip.

    Each line's `meta` names what it shows, so that the live page can draw on.

    Args:
        history: a row an epoch, as `Solver.history`; it may be empty.
        losses: the loss of each step; it may be empty.
        steps_per_epoch: which place the steps; 0 if it is not known, and steps are counted.
    """
    figure = _panels("epoch" if steps_per_epoch else "step")
    places, values = thinned(losses)
    figure.add_scatter(
        x=[(place + 1) / (steps_per_epoch or 1) for place in places],
        y=values,
        name="loss of each step",
        meta={"column": "losses", "per_epoch": steps_per_epoch},
        line={"color": RIGHT, "width": 1},
        opacity=0.5 if history else 0.9,
        hoverinfo="skip" if history else "all",
    )
    epochs = column(history, "epoch")
    look = {"mode": "lines+markers" if len(history) <= MOST_MARKERS else "lines"}
    for part, color, dash, keys in (
        ("training", RIGHT, "dot", ("loss", "train_acc")),
        ("validation", WRONG, "solid", ("val_loss", "val_acc")),
    ):
        for key, axis, form in zip(keys, ("y", "y2"), (".4f", ".2%"), strict=True):
            figure.add_scatter(
                x=_places(epochs, key),
                y=column(history, key),
                yaxis=axis,
                name=part,
                meta={"column": key, "places": _places([0.0], key)[0]},
                legendgroup=part,
                showlegend=axis == "y",
                line={"color": color, "dash": dash, "width": 2},
                marker={"size": 5},
                hovertemplate=f"%{{y:{form}}}",
                **look,
            )
    _add_rate(figure, history, "learning rate", FAINT)
    best = best_epoch(history)
    if best is not None:
        figure.add_scatter(
            x=[best["epoch"]], y=[best["val_acc"]], yaxis="y2", mode="markers", name="best epoch",
            marker={"color": WRONG, "size": 11, "symbol": "star"}, hoverinfo="skip",
        )  # fmt: skip
    _scale_loss(figure, [*column(history, "loss"), *column(history, "val_loss")], losses)
    return figure


def compared(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> go.Figure:
    """Draw the curves of several trainings, a colour each: training dotted, validation solid.

    Args:
        runs: the history of each, by name.
    """
    figure = _panels("epoch")
    figure.layout.legend.orientation = "v" if len(runs) > 4 else "h"
    everything: list[float] = []
    for number, (name, history) in enumerate(runs.items()):
        epochs, color = column(history, "epoch"), color_of(number)
        dash = "solid" if number < 7 else "dash"
        for axis, key, training in (
            ("y", "val_loss", False), ("y", "loss", True), ("y2", "val_acc", False),
            ("y2", "train_acc", True),
        ):  # fmt: skip
            values = column(history, key)
            everything += values if axis == "y" else []
            figure.add_scatter(
                x=_places(epochs, key),
                y=values,
                yaxis=axis,
                mode="lines",
                name=short(name),
                legendgroup=name,
                showlegend=key == "val_loss",
                opacity=0.55 if training else 1,
                line={"color": color, "dash": "dot" if training else dash, "width": 2},
                hoverinfo="skip" if training else "all",
                hovertemplate=None if training else "%{y:.2%}" if axis == "y2" else "%{y:.4f}",
            )
        _add_rate(figure, history, short(name), color)
    _scale_loss(figure, everything, [])
    return figure


def _places(epochs: Sequence[float], key: str) -> list[float]:
    """Return where the values of a column stand: an epoch's mean belongs to its middle."""
    return [epoch - 0.5 for epoch in epochs] if key == "loss" else list(epochs)


def _panels(x: str) -> go.Figure:
    """Return three panels over one axis."""
    scales = [
        {
            "label": label,
            "method": "relayout",
            "args": [{"yaxis.type": kind, "yaxis.autorange": True}],
        }
        for label, kind in (("linear", "linear"), ("log", "log"))
    ]
    menu = {
        "buttons": scales, "type": "buttons", "direction": "right", "x": 1, "xanchor": "right",
        "y": 1, "yanchor": "top", "showactive": False, "pad": {"t": 0, "r": 0},
        "bgcolor": PAPER, "bordercolor": LINE, "font": {"color": FAINT, "size": 11},
    }  # fmt: skip
    return blank(
        _HEIGHT,
        updatemenus=[menu],
        hovermode="x unified",
        xaxis={"title": {"text": x}, "anchor": "y3", "rangemode": "tozero"},
        **_PANELS,
    )


def _add_rate(
    figure: go.Figure, history: Sequence[Mapping[str, Any]], name: str, color: str
) -> None:
    figure.add_scatter(
        x=column(history, "epoch"),
        y=column(history, "lr"),
        meta={"column": "lr"},
        yaxis="y3",
        mode="lines" if len(history) > 1 else "markers",
        name=name,
        legendgroup=name,
        showlegend=False,
        line={"color": color, "width": 2},
        hovertemplate="rate %{y:.3g}",
    )


def _scale_loss(figure: go.Figure, means: Sequence[float], steps: Sequence[float]) -> None:
    """Choose the loss axis so that a few wild steps do not flatten the curve."""
    known = finite(means)
    usual = sorted(finite(steps))
    shown = known + usual[: len(usual) - len(usual) // 50]
    if not shown:
        return
    low, high, first = min(shown), max(shown), (finite(steps) or known)[0]
    if low > 0 and high > EXPLODED * first:
        figure.layout.yaxis.type = "log"
    else:
        margin = 0.05 * (high - low) or 0.05
        figure.layout.yaxis.range = [low - margin, high + margin]
