"""What all figures look like: fonts, colours, margins."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from cnnlite.report.palette import COLORS, EMPTY, INK, LINE, PAPER, RIGHT, WRONG

__all__ = ["RECALL", "blank", "color_of", "column", "finite", "shades", "short", "thinned"]

MOST_POINTS = 4000
"""Of a line; more cannot be told apart on a screen."""
LONGEST_NAME = 22
RECALL = "recall: share of its images found"
"""The title of an axis."""

_AXIS = {
    "gridcolor": LINE, "zerolinecolor": LINE, "linecolor": LINE, "tickcolor": LINE,
    "automargin": True, "title": {"standoff": 8, "font": {"size": 13}},
}  # fmt: skip
_TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": "system-ui, -apple-system, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "colorway": COLORS,
        "margin": {"l": 50, "r": 12, "t": 36, "b": 44},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        "hoverlabel": {"bgcolor": EMPTY, "bordercolor": LINE, "font": {"color": INK}},
    }
)


def blank(height: int, **layout: Any) -> go.Figure:
    """Return an empty figure, as wide as its place and so many pixels high."""
    return go.Figure(layout={"template": _TEMPLATE, "height": height, **layout})


def color_of(number: int) -> str:
    """Return the colour of one of several things."""
    return COLORS[number % len(COLORS)]


def shades(count: int) -> list[str]:
    """Return colours for things that have an order; for few, such as are easily told apart."""
    if count <= len(COLORS):
        return list(COLORS[:count])
    stops = [_rgb(color) for color in (RIGHT, "#009e73", "#e69f00", WRONG)]
    found = []
    for number in range(count):
        place = number / (count - 1) * (len(stops) - 1)
        left = min(int(place), len(stops) - 2)
        part = place - left
        mixed = (
            round(a + part * (b - a)) for a, b in zip(stops[left], stops[left + 1], strict=True)
        )
        found.append("#" + "".join(f"{value:02x}" for value in mixed))
    return found


def thinned(values: Sequence[float]) -> tuple[list[int], list[float]]:
    """Return positions and values of a line of at most `MOST_POINTS` that looks the same.

    Of each stretch the lowest and the highest value stay, so that no peak is lost.
    """
    if len(values) <= MOST_POINTS:
        return list(range(len(values))), list(values)
    stretch = -(-2 * len(values) // MOST_POINTS)
    places = []
    for start in range(0, len(values), stretch):
        part = range(start, min(start + stretch, len(values)))
        known = [i for i in part if math.isfinite(values[i])] or list(part)
        ends = {min(known, key=values.__getitem__), max(known, key=values.__getitem__)}
        places += sorted(ends)
    return places, [values[i] for i in places]


def column(rows: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    """Return a column of a history; NaN where a row has none."""
    return [float(row.get(key, math.nan)) for row in rows]


def finite(values: Sequence[float]) -> list[float]:
    """Return the values that are numbers."""
    return [value for value in values if math.isfinite(value)]


def short(name: str) -> str:
    """Return a name that fits an axis, without what plotly would take for markup."""
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"
    return html.escape(name, quote=False).replace("%{", "%&#123;").replace("$", "&#36;")


def _rgb(color: str) -> list[int]:
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]
