"""The picture: the two parabolas, a path on them, and the ConvNet's full loss."""

from typing import Any

import numpy as np

from cnnlite.labs.lab import COLORS, INK, legend_below, style
from cnnlite.labs.sgd import two_parabolas as tp
from cnnlite.labs.sgd.network import Course

BLUE, VERMILION = COLORS[:2]


def draw(courses: list[Course], figure: Any) -> None:
    """Draw three panels side by side."""
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1.15, 1.3])
    _parabolas(left)
    _path(middle)
    _courses(right, courses)


def _parabolas(axes: Any) -> None:
    style(axes, "the total and its parts", "w")
    w = np.linspace(-2.2, 3.2, 200)
    axes.axvspan(*tp.MINIMA, color=VERMILION, alpha=0.12, linewidth=0)
    axes.plot(w, tp.total(w), color=INK, label="total")
    for c, line, color in zip(tp.MINIMA, ("--", ":"), (BLUE, COLORS[2]), strict=True):
        axes.plot(w, (w - c) ** 2 / 2, line, color=color, label=f"part with minimum {c}")
    axes.text(0.5, 9.6, "here one of\nthe two steps\nraises the total", ha="center", va="top",
              fontsize=8.5, color=INK)  # fmt: skip
    axes.set_ylim(0, 10)
    legend_below(axes, 1)


def _path(axes: Any) -> None:
    style(axes, "SGD with steps of size 1/4: the total", "step")
    path = tp.simulate(0.25, 60, np.random.default_rng(0))
    total = tp.total(path)
    rises = np.flatnonzero(np.diff(total) > 0) + 1
    axes.plot(total, color=BLUE, linewidth=1, label="the total after each step")
    axes.plot(rises, total[rises], "o", color=VERMILION, markersize=4, label="it has risen")
    axes.axhline(9 / 4, color=INK, linewidth=0.8, linestyle=":", label="its minimum, 9/4")
    rest = 9 / 4 + float(tp.resting_excess(0.25))
    axes.axhline(rest, color=INK, linewidth=0.8, linestyle="--", label="its mean in the long run")
    axes.set_ylim(2, 5)
    legend_below(axes, 2)


def _courses(axes: Any, courses: list[Course]) -> None:
    style(axes, "ConvNet: loss of all images; how many steps go up", "step")
    for course, color in zip(courses, (COLORS[4], VERMILION, BLUE, INK), strict=True):
        share = np.mean(course.rises)
        label = f"batches of {course.batch_size}: {share:.0%} go up"
        axes.plot(course.full, color=color, linewidth=1.1, label=label)
    legend_below(axes, 2)
