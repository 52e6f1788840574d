"""The picture: images of each class and their accuracies, and who is taken for whom."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnlite.labs.imbalance.counting import class_accuracy
from cnnlite.labs.lab import COLORS, GRID, INK, color_bar, legend_below, style

MARKERS = "osD^v"


def draw(
    counts: np.ndarray, matrices: Mapping[str, np.ndarray], names: Sequence[str], figure: Any
) -> None:
    """Draw accuracies by class above the confusion matrices of all remedies."""
    grid = figure.add_gridspec(2, len(matrices), height_ratios=[1.25, 1])
    _accuracies(figure.add_subplot(grid[0, :]), counts, matrices, names)
    panels = [figure.add_subplot(grid[1, column]) for column in range(len(matrices))]
    places = range(len(names))
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=True):
        shares = matrix / matrix.sum(axis=1, keepdims=True)
        picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_title(name.replace(", ", ",\n"), fontsize=8, color=INK)
        axes.set_xticks(places, names, rotation=90, fontsize=7)
        axes.set_yticks(places, names if axes is panels[0] else [], fontsize=7)
        axes.tick_params(colors=INK, length=0)
        axes.spines[:].set_color(GRID)
        axes.set_xlabel("taken for", fontsize=8, color=INK)
    panels[0].set_ylabel("class", fontsize=8, color=INK)
    color_bar(picture, panels, "share of the class's images")


def _accuracies(
    axes: Any, counts: np.ndarray, matrices: Mapping[str, np.ndarray], names: Sequence[str]
) -> None:
    style(axes, "validation accuracy by class", "class, below the number of its training images")
    places = np.arange(len(counts))
    for (name, matrix), color, marker in zip(matrices.items(), COLORS, MARKERS, strict=False):
        values = class_accuracy(matrix)
        axes.plot(
            places, values, color=color, marker=marker, markersize=5, linewidth=1.2, label=name
        )
    lines = [name.replace(" ", "\n") for name in names]
    ticks = [f"{count}\n{name}" for name, count in zip(lines, counts, strict=True)]
    axes.set_xticks(places, ticks, fontsize=8)
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
    axes.set_ylim(0, 1.02)
    legend_below(axes, 3, 0.34)
