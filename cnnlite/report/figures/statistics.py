"""What happens in the layers, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from cnnlite.report.figures.style import blank, shades, short
from cnnlite.report.palette import FAINT

__all__ = ["NAMES", "statistic"]

NAMES = {
    "mean": "mean of the activations",
    "std": "deviation of the activations",
    "dead": "share of dead units",
    "grad_norm": "norm of the gradient",
    "update_ratio": "update over weight",
}
"""What is measured of a layer, in words."""
POWERS = ("grad_norm", "update_ratio")
"""What may differ by powers of ten."""
USUAL_RATIO = 1e-3


def statistic(name: str, epochs: Sequence[int], layers: Mapping[str, Sequence[float]]) -> go.Figure:
    """Draw one statistic of all layers over the epochs, a line for each layer.

    Args:
        name: one of `NAMES`.
        epochs: which epochs were kept.
        layers: by layer, in their order in the network, the value of each of these epochs.
    """
    figure = blank(
        300,
        title={"text": NAMES[name], "font": {"size": 14}, "x": 0, "pad": {"l": 8}},
        xaxis={"title": {"text": "epoch"}},
        yaxis={"tickformat": ".0%"} if name == "dead" else {},
        hovermode="closest",
        showlegend=False,
    )  # fmt: skip
    figure.layout.margin.t = 40
    form = ".1%" if name == "dead" else ".3g"
    mode = "lines+markers" if len(epochs) <= 20 else "lines"
    seen, lines = list[float](), list[dict[str, object]]()
    for (layer, values), color in zip(layers.items(), shades(len(layers)), strict=True):
        known = [value for value in values if math.isfinite(value)]
        if not known:
            continue
        seen += known
        lines.append({
            "type": "scatter",
            "x": list(epochs),
            "y": list(values),
            "mode": mode,
            "name": short(layer),
            "meta": layer,
            "line": {"color": color, "width": 2},
            "marker": {"size": 4},
            "hovertemplate": f"%{{fullData.name}}: %{{y:{form}}}, epoch %{{x}}<extra></extra>",
        })  # fmt: skip
    figure.add_traces(lines)  # plotly checks them faster than one after the other
    if name in POWERS:
        positive = [value for value in seen if value > 0]
        decades = math.log10(max(positive) / min(positive)) if positive else 0
        if decades < 2:  # powers of ten alone would be one line or none
            figure.update_yaxes(type="log", tickformat="~r", dtick="D2")
        else:
            figure.update_yaxes(type="log", tickformat="~e", dtick=max(1, round(decades / 5)))
    if name == "update_ratio" and seen:
        figure.add_hline(y=USUAL_RATIO, line={"color": FAINT, "dash": "dash", "width": 1})
    if name == "dead":
        figure.update_yaxes(rangemode="tozero")
    return figure
