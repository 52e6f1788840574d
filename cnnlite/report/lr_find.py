"""The learning-rate range test, as a PNG."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlite.files import replace_file
from cnnlite.report.curves import GRID, INK, LOSS, VAL

if TYPE_CHECKING:
    from cnnlite.training.lr_find import LRFind

MARGIN = 0.15
"""Of the loss axis, in parts of the fall: what explodes at the end must not flatten the rest."""


def save(found: LRFind, path: str | Path, title: str = "") -> None:
    """Draw the losses over the rates, as measured and smoothed, with the suggestion.

    Args:
        found: what ``solver.lr_find()`` gave.
        path: the PNG; a file that is there is replaced, wholly or not at all.
        title: a line above the curve.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot: no window, no state that others see
    axes = figure.subplots()
    axes.plot(found.lrs, found.losses, color=LOSS, alpha=0.25, linewidth=0.8, label="each step")
    axes.plot(found.lrs, found.smoothed, color=LOSS, label="smoothed")
    if found.suggestion is not None:
        loss = found.smoothed[found.lrs.index(found.suggestion)]
        label = f"suggestion {found.suggestion:.2g}"
        axes.axvline(found.suggestion, color=VAL, linestyle="--", linewidth=1)
        axes.plot(found.suggestion, loss, "o", color=VAL, label=label)
    axes.set_xscale("log")
    axes.set_ylim(*_limits(found))
    axes.set_xlabel("learning rate", color=INK)
    axes.set_ylabel("training loss", color=INK)
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(which="both", colors=INK, length=0)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, labelcolor=INK)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    replace_file(Path(path), picture.getvalue())


def _limits(found: LRFind) -> tuple[float, float]:
    """Return the ends of the loss axis: the fall, and as much above it again."""
    low, start = min(found.smoothed), found.smoothed[0]
    usual = sorted(loss for loss in found.losses if math.isfinite(loss))
    low = min(low, usual[len(usual) // 50])
    high = min(max(found.smoothed), start + (start - low))
    high = max([high, *found.losses[: len(found.losses) // 4]])
    margin = MARGIN * (high - low) or 0.05
    return low - margin, high + margin
