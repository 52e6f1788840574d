"""What a sweep has found: parallel coordinates, an option's effect, all trainings at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go

from cnnlite.report.figures.style import blank, short
from cnnlite.report.palette import FAINT, INK, LINE, PAPER, RIGHT, WRONG

__all__ = ["Axis", "QUARTERS", "Line", "axis_of", "effect", "parallel", "progress"]

QUARTERS = {
    "the best quarter": RIGHT,
    "second quarter": "#56b4e9",
    "third quarter": "#e69f00",
    "the worst quarter": WRONG,
    "not finished": FAINT,
}
"""By name, the colour of lines; those that have no score at their end are the last."""
MOST_LABELS = 7
"""Values of an axis that are all named; of more, the axis is a scale."""
HEIGHT = 460


class Axis(NamedTuple):
    """An axis of parallel coordinates.

    Attributes:
        name: of an option, or of the metric.
        places: for each line, from 0 at the bottom to 1; None where it has no value.
        labels: place and text of what is written beside it.
    """

    name: str
    places: list[float | None]
    labels: list[tuple[float, str]]


class Line(NamedTuple):
    """A trial.

    Attributes:
        group: a key of QUARTERS.
        text: what it is, for whoever points at it.
        places: on each axis.
    """

    group: str
    text: str
    places: list[float | None]


def axis_of(name: str, values: Sequence[Any], log: bool = False, turned: bool = False) -> Axis:
    """Return the axis of an option.

    Args:
        name: of it.
        values: of each line; None where a line has none.
        log: whether a scale is logarithmic.
        turned: whether the lowest number is at the top.
    """
    known = [value for value in values if value is not None]
    distinct: list[Any] = []
    for value in known:
        if value not in distinct:
            distinct.append(value)
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in distinct)
    distinct.sort(key=(lambda value: value) if numbers else str)
    if not numbers or len(distinct) <= MOST_LABELS:
        last = len(distinct) - 1
        at = {str(v): 0.5 if not last else i / last for i, v in enumerate(distinct)}
        places = [None if v is None else _turn(at[str(v)], turned) for v in values]
        step = -(-len(distinct) // (2 * MOST_LABELS))
        named = [(_turn(at[str(v)], turned), _told(v)) for v in distinct[::step]]
        return Axis(name, places, named)
    scale = math.log10 if log else float
    low, high = scale(distinct[0]), scale(distinct[-1])
    places = [None if v is None else _turn((scale(v) - low) / (high - low), turned) for v in values]
    marks = [low + (high - low) * part / 4 for part in range(5)]
    named = [
        (_turn(part / 4, turned), _told(10**mark if log else mark))
        for part, mark in enumerate(marks)
    ]
    return Axis(name, places, named)


def _turn(place: float, turned: bool) -> float:
    return 1 - place if turned else place


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return short("; ".join(map(str, value)) or "none")
    return f"{value:.3g}" if isinstance(value, float) else short(str(value))


def parallel(axes: Sequence[Axis], lines: Sequence[Line]) -> go.Figure:
    """Draw each trial as a line through its options to its score.

    Args:
        axes: those of the options, then that of the score.
        lines: the trials; the first is drawn on top, as the best.
    """
    figure = blank(
        HEIGHT,
        xaxis={"tickmode": "array", "tickvals": list(range(len(axes))),
               "ticktext": [short(axis.name) for axis in axes], "showgrid": False,
               "zeroline": False, "range": [-0.15, len(axes) - 0.55], "fixedrange": True},
        yaxis={"visible": False, "range": [-0.04, 1.04], "fixedrange": True},
        dragmode="select",
        hovermode="closest",
    )  # fmt: skip
    for group, color in reversed(QUARTERS.items()):
        members = [line for line in lines if line.group == group]
        if members:
            x, y, text = strung(members)
            figure.add_scatter(
                x=x, y=y, customdata=text, mode="lines+markers", name=group,
                line={"color": color, "width": 1.5}, marker={"color": color, "size": 5},
                opacity=0.8 if group != "not finished" else 0.45, legendrank=len(QUARTERS),
                hovertemplate="%{customdata}<extra></extra>",
            )  # fmt: skip
    if lines and lines[0].group == next(iter(QUARTERS)):
        x, y, text = strung(lines[:1])
        figure.add_scatter(
            x=x, y=y, customdata=text, mode="lines+markers", name="the best",
            line={"color": INK, "width": 4}, marker={"color": INK, "size": 7},
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(legend={"traceorder": "reversed"})
    for place, axis in enumerate(axes):
        figure.add_shape(
            type="line", x0=place, x1=place, y0=0, y1=1, layer="below",
            line={"color": LINE, "width": 2},
        )  # fmt: skip
        for height, text_ in axis.labels:
            figure.add_annotation(
                x=place, y=height, text=text_, showarrow=False, xanchor="left", xshift=5,
                font={"size": 11}, bgcolor=PAPER, opacity=0.85, borderpad=1,
            )  # fmt: skip
    return figure


def strung(lines: Sequence[Line]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return lines as one, with a gap after each: places along, heights, and texts."""
    x: list[Any] = []
    y: list[Any] = []
    text: list[Any] = []
    for line in lines:
        x += [*range(len(line.places)), None]
        y += [*line.places, None]
        text += [line.text] * (len(line.places) + 1)
    return x, y, text


def effect(
    name: str, groups: Mapping[str, Sequence[tuple[Any, float, str]]], metric: str, log: bool
) -> go.Figure:
    """Draw the score over the values of an option, a dot a trial.

    Args:
        name: of the option.
        groups: by key of QUARTERS, the value, score and text of each trial.
        metric: what the score is.
        log: whether values are on a logarithmic scale.
    """
    values = [value for dots in groups.values() for value, _, _ in dots]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    kind = {"type": "log" if log else "linear"} if numbers else {"type": "category"}
    percent = metric.endswith("_acc")
    figure = blank(
        280,
        xaxis={**kind, "title": {"text": short(name)}},
        yaxis={"title": {"text": metric}, "tickformat": "~%" if percent else "~g"},
        showlegend=False,
        hovermode="closest",
    )
    for group, dots in groups.items():
        figure.add_scatter(
            x=[value if numbers else _told(value) for value, _, _ in dots],
            y=[score for _, score, _ in dots], mode="markers",
            customdata=[text for _, _, text in dots],
            marker={"color": QUARTERS[group], "size": 9, "opacity": 0.75},
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    return figure


def progress(trials: Sequence[tuple[str, str, Sequence[float]]], metric: str) -> go.Figure:
    """Draw the metric of each trial over its epochs.

    Args:
        trials: key of QUARTERS, text, and values after each epoch.
        metric: what the values are.
    """
    percent = metric.endswith("_acc")
    figure = blank(
        360,
        xaxis={"title": {"text": "epoch"}, "tickformat": "d"},
        yaxis={"title": {"text": metric}, "tickformat": "~%" if percent else "~g"},
        showlegend=False,
        hovermode="closest",
    )
    for group, text, values in reversed(trials):
        figure.add_scatter(
            x=list(range(1, len(values) + 1)), y=list(values), mode="lines+markers",
            customdata=[text] * len(values), line={"color": QUARTERS[group], "width": 1.5},
            marker={"size": 4}, opacity=0.7,
            hovertemplate="epoch %{x}: %{y}<br>%{customdata}<extra></extra>",
        )  # fmt: skip
    return figure
