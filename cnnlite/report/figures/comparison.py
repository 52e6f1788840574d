"""Several trainings beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from cnnlite.report.figures.style import RECALL, blank, color_of, short
from cnnlite.report.palette import INK

__all__ = ["class_recalls", "spread"]

SYMBOLS = ("circle", "square", "diamond", "cross", "x", "triangle-up", "star")


def spread(
    groups: Mapping[str, Sequence[float]], measured: str = "best validation accuracy"
) -> go.Figure:
    """Draw the accuracies of groups of trainings: a dot for each, a bar at the mean.

    Args:
        groups: by name, the accuracies of trainings that differ in their seed alone.
        measured: the accuracy.
    """
    places = list(range(len(groups)))
    figure = blank(
        110 + 44 * len(groups),
        xaxis={"tickformat": "~%", "title": {"text": measured}},
        yaxis={"tickmode": "array", "tickvals": places, "ticktext": [short(g) for g in groups],
               "range": [len(groups) - 0.5, -0.5], "showgrid": False},
        showlegend=False,
        hovermode="closest",
    )  # fmt: skip
    for place, values in enumerate(groups.values()):
        mean = float(np.mean(values))
        figure.add_scatter(
            x=list(values), y=[place] * len(values), mode="markers",
            marker={"color": color_of(place), "size": 10, "opacity": 0.75},
            hovertemplate="%{x:.2%}<extra></extra>",
        )  # fmt: skip
        figure.add_shape(
            type="line", x0=mean, x1=mean, y0=place - 0.3, y1=place + 0.3,
            line={"color": INK, "width": 2},
        )  # fmt: skip
    return figure


def class_recalls(classes: Sequence[str], runs: Mapping[str, Sequence[float]]) -> go.Figure:
    """Draw for each class which share of its images each training finds, a dot a training.

    Args:
        classes: their names.
        runs: by name, the recall of each class.
    """
    places = list(range(len(classes)))
    figure = blank(
        130 + (26 if len(classes) <= 30 else 14) * len(classes),
        xaxis={"tickformat": "~%", "title": {"text": RECALL}},
        yaxis={"autorange": "reversed", "tickmode": "array", "tickvals": places,
               "ticktext": [short(name) for name in classes],
               "tickfont": {"size": 12 if len(classes) <= 30 else 9}},
        hovermode="closest",
    )  # fmt: skip
    for number, (name, values) in enumerate(runs.items()):
        figure.add_scatter(
            x=list(values), y=places, mode="markers", name=short(name),
            marker={"color": color_of(number), "size": 10, "symbol": SYMBOLS[number % 7]},
            hovertemplate="%{x:.1%}",
        )  # fmt: skip
    return figure
