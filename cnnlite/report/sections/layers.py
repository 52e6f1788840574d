"""What happened in each layer, over the epochs that were kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from cnnlite.report.document import Section, figure, slider
from cnnlite.report.figures.statistics import NAMES, statistic
from cnnlite.report.figures.style import shades
from cnnlite.report.html import paragraphs, table
from cnnlite.report.seen import Seen

__all__ = ["layers"]

CAPTIONS = {
    "mean": "Where the mean keeps moving, the layer has not settled; those after it must follow.",
    "std": "Deviations that shrink or grow from layer to layer say that signals fade or explode.",
    "dead": "A unit that is 0 for every image passes no gradient on: a layer near 100% has stopped "
    "learning.",
    "grad_norm": "Norms that differ by many powers of ten between layers say that gradients vanish "
    "or explode.",
    "update_ratio": "The dashed line is the usual thousandth: far above it the rate is too high, "
    "far below it too low. Where the schedule lowers the rate, the lines fall with it.",
}


def layers(seen: Seen) -> Section | None:
    """Return the layers' statistics over the epochs; None where none were kept."""
    if not seen.kept:
        return None
    epochs = [kept.epoch for kept in seen.kept]
    names = list(seen.kept[-1].statistics)
    kinds = {row.name: row.kind for row in seen.layers}
    labels = [f"{name} {kinds.get(name, '')}".strip() for name in names]
    values: dict[str, list[list[float]]] = {
        key: [
            [kept.statistics.get(name, {}).get(key, math.nan) for kept in seen.kept]
            for name in names
        ]
        for key in NAMES
    }
    lead = "Each line is a layer. Choose one in the list to see it alone, or point at a line."
    html = paragraphs([lead], "lead") + slider(epochs)
    html += f'{_legend(labels)}<div class="grid">{"".join(map(_place, NAMES))}</div>'
    last = [(label, *(_number(values[key][i][-1], key) for key in NAMES))
            for i, label in enumerate(labels)]  # fmt: skip
    headings = ("layer", *NAMES.values())
    html += table("The layers in that epoch", headings, last, headings[1:], "layer-numbers")
    figures = {
        key: statistic(key, epochs, dict(zip(labels, values[key], strict=True))) for key in NAMES
    }
    data: dict[str, Any] = {
        "epochs": epochs,
        "numbers": [
            [[_number(values[key][i][e], key) for key in NAMES] for i in range(len(names))]
            for e in range(len(epochs))
        ],
    }
    return Section("layers", "Layers over the epochs", html, figures, data)


def _legend(labels: Sequence[str]) -> str:
    """Return the list of the layers with their colours; each is a button."""
    items = "".join(
        f'<li><button type="button" aria-pressed="false" data-layer="{escape(label)}">'
        f'<svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" fill="{color}"/>'
        f"</svg>{escape(label)}</button></li>"
        for label, color in zip(labels, shades(len(labels)), strict=True)
    )
    return f'<ul class="legend" aria-label="Layers">{items}</ul>'


def _place(key: str) -> str:
    label = f"{NAMES[key]} of each layer over the epochs; the table below has the numbers"
    return figure(key, CAPTIONS[key], label)


def _number(value: float, key: str) -> str:
    if not math.isfinite(value):
        return ""
    return f"{value:.1%}" if key == "dead" else f"{value:.3g}"
