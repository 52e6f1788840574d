"""What the layers of a network cost."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from cnnlite.report.figures.style import blank, short
from cnnlite.report.network import LayerRow
from cnnlite.report.palette import RIGHT, WRONG

__all__ = ["costs"]

ROW = 19  # pixels of a layer


def costs(layers: Sequence[LayerRow]) -> go.Figure:
    """Draw for each layer how long it takes for one image, forwards and backwards.

    Args:
        layers: as `measure` returns them; containers are left out.
    """
    rows = [row for row in layers if row.ms is not None]
    names = [short(f"{row.name} {row.kind}".strip()) for row in rows]
    figure = blank(
        120 + ROW * len(rows),
        barmode="stack",
        hovermode="y unified",
        xaxis={"title": {"text": "ms an image"}, "rangemode": "tozero"},
        yaxis={"autorange": "reversed", "tickmode": "array", "tickfont": {"size": 11}},
        bargap=0.25,
        legend={"traceorder": "normal"},
    )
    figure.layout.yaxis.update(tickvals=list(range(len(rows))), ticktext=names)
    for name, values, color in (
        ("forwards", [row.ms for row in rows], RIGHT),
        ("backwards", [row.backward_ms for row in rows], WRONG),
    ):
        figure.add_bar(
            x=values, y=list(range(len(rows))), orientation="h", name=name,
            marker={"color": color, "line": {"width": 0}}, hovertemplate="%{x:.4f} ms",
        )  # fmt: skip
    return figure
