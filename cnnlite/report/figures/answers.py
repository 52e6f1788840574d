"""What a network gets right and wrong: the confusion matrix, recall, confidence."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cnnlite.report.confusion import MOST_NUMBERS, Confusion
from cnnlite.report.figures.style import RECALL, blank, short
from cnnlite.report.palette import EMPTY, INK, RIGHT, WRONG

__all__ = ["confidence", "confusion", "recall"]

MOST_NAMES = 40
"""Classes whose names fit an axis."""
BINS = 20


def confusion(found: Confusion) -> go.Figure:
    """Draw a confusion matrix: right answers blue, mistakes orange by their share of the class."""
    n = len(found.class_names)
    names = [short(name) for name in found.class_names]
    shares = np.nan_to_num(found.matrix / np.maximum(found.images, 1)[:, None])
    wrong = shares * (1 - np.eye(n))
    most = max(float(wrong.max(initial=0.0)), 0.05)
    # Above 0 is blue, below orange; the most frequent mistake has the full colour.
    strength = np.where(np.eye(n, dtype=bool), shares, -wrong / most).astype(np.float32)
    figure = blank(
        int(min(720, max(360, 150 + 42 * n))),
        xaxis={"title": {"text": "taken for"}, "side": "bottom", "showgrid": False},
        yaxis={"title": {"text": "true class"}, "autorange": "reversed", "showgrid": False},
        hovermode="closest",
    )
    text = np.where(found.matrix > 0, found.matrix.astype(str), "") if n <= MOST_NUMBERS else None
    figure.add_heatmap(
        z=strength,
        zmin=-1,
        zmax=1,
        colorscale=[[0, WRONG], [0.5, EMPTY], [1, RIGHT]],
        showscale=False,
        xgap=1 if n <= MOST_NAMES else 0,
        ygap=1 if n <= MOST_NAMES else 0,
        text=text,
        texttemplate="%{text}" if text is not None else None,
        textfont={"size": 12 if n <= 12 else 9},
        customdata=np.dstack([found.matrix, shares]),
        hovertemplate="true %{y}<br>taken for %{x}<br>%{customdata[0]} images, "
        "%{customdata[1]:.1%} of the class<extra></extra>",
    )
    ticks = {"tickmode": "array", "tickvals": list(range(n)), "ticktext": names}
    if n > MOST_NAMES:
        step = -(-n // MOST_NAMES)
        ticks |= {"tickvals": list(range(0, n, step)), "ticktext": names[::step]}
    size = {"tickfont": {"size": 12 if n <= 20 else 9}}
    figure.update_xaxes(**ticks, **size, tickangle=-45)
    figure.update_yaxes(**ticks, **size)
    return figure


def recall(found: Confusion) -> go.Figure:
    """Draw for each class the share of its images that was found, the lowest share first."""
    order = [int(i) for i in np.argsort(found.recall, kind="stable") if found.images[i]]
    names = [short(found.class_names[i]) for i in order]
    places = list(range(len(order)))
    figure = blank(
        110 + (24 if len(order) <= 30 else 14) * len(order),
        xaxis={"range": [0, 1.12], "tickformat": ".0%", "title": {"text": RECALL},
               "tickvals": [0, 0.25, 0.5, 0.75, 1]},
        yaxis={"autorange": "reversed", "tickmode": "array", "tickvals": places, "ticktext": names,
               "tickfont": {"size": 12 if len(order) <= 30 else 9}},
        bargap=0.3,
    )  # fmt: skip
    values = [float(found.recall[i]) for i in order]
    figure.add_bar(
        x=values, y=places, orientation="h", marker={"color": RIGHT}, cliponaxis=False,
        text=[f"{value:.1%}" for value in values], textposition="outside",
        textfont={"color": INK, "size": 11}, hoverinfo="skip",
    )  # fmt: skip
    return figure


def confidence(chances: NDArray[np.floating], right: NDArray[np.bool_]) -> go.Figure:
    """Draw how sure the network is where it is right, and where it is wrong.

    Args:
        chances: the probability of what was said of each image (N,); NaN is left out.
        right: whether that was right (N,).
    """
    figure = blank(
        320,
        barmode="stack",
        bargap=0.08,
        legend={"traceorder": "normal"},
        xaxis={
            "tickformat": ".0%",
            "range": [0, 1],
            "title": {"text": "probability of the answer"},
        },
        yaxis={"title": {"text": "images"}},
        hovermode="x unified",
    )  # fmt: skip
    edges = np.linspace(0, 1, BINS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    for name, chosen, color in (("right", right, RIGHT), ("wrong", ~right, WRONG)):
        counts = np.histogram(chances[chosen & np.isfinite(chances)], edges)[0]
        figure.add_bar(
            x=middles, y=counts, name=name, width=1 / BINS * 0.92, marker={"color": color}
        )
    return figure
