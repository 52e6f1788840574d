"""The curve of accuracy over time, as an SVG."""

from __future__ import annotations

import io
import statistics
from collections.abc import Mapping, Sequence
from math import nan

import matplotlib as mpl

from benchmarks.record.summary import Summary
from docs.figures.drawing import BLUE, GREEN, ORANGE, RED, STYLE, Figure

__all__ = ["svg"]


def svg(points: Mapping[str, Sequence[tuple[float, Summary]]]) -> bytes:
    """Draw a line for each framework and way to multiply, through the means of its trainings.

    Args:
        points: by what they ran in, the seconds and the summary of each training.

    Returns:
        The same bytes from the same matplotlib.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.0))
        axes = figure.add_axes((0.09, 0.14, 0.88, 0.8))
        for (name, own), colour in zip(points.items(), (BLUE, RED, GREEN, ORANGE), strict=False):
            seconds = [each for each, _ in own]
            values = [[100 * line.best for line in summary.lines] for _, summary in own]
            means = [statistics.mean(each) for each in values]
            errors = [statistics.stdev(each) if len(each) > 1 else nan for each in values]
            axes.errorbar(seconds, means, errors, color=colour, marker="o", lw=1.6, ms=4, capsize=3,
                          label=name)  # fmt: skip
            for x, y in zip(seconds, means, strict=True):
                axes.annotate(f"{y:.2f}", (x, y), (5, -11), textcoords="offset points", fontsize=8)
        axes.margins(y=0.12)  # room for the numbers
        axes.set_xlim(left=0)
        axes.set_xlabel("seconds of training steps", fontsize=9)
        axes.set_ylabel("% of the test images are right", fontsize=9)
        axes.grid(color="#E4E4E4", lw=0.6)
        axes.legend(loc="lower right", frameon=False, fontsize=9)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
