"""The picture: images of each class and their accuracies, and who is taken for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnlite.labs._lab import COLORS, GRID, INK, style
from cnnlite.labs.imbalance.counting import class_accuracy

MARKERS = "osD^v"


def draw(
    counts: np.ndarray, matrices: Mapping[str, np.ndarray], names: Sequence[str], figure: Any
) -> None:
    """Draw accuracies by class above the confusion matrices of all remedies."""
    grid = figure.add_gridspec(2, len(matrices), height_ratios=[1.25, 1])
    _accuracies(figure.add_subplot(grid[0, :]), counts, matrices, names)
    for column, (name, matrix) in enumerate(matrices.items()):
        axes = figure.add_subplot(grid[1, column])
        axes.imshow(matrix / matrix.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
        axes.set_title(name.replace(", ", ",\n"), fontsize=8, color=INK)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color(GRID)
        axes.set_xlabel("taken for", fontsize=8, color=INK)
        if not column:
            axes.set_ylabel("class, rare ones below", fontsize=8, color=INK)


def _accuracies(
    axes: Any, counts: np.ndarray, matrices: Mapping[str, np.ndarray], names: Sequence[str]
) -> None:
    style(axes, "validation accuracy by class, and its training images")
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
    axes.legend(frameon=False, labelcolor=INK, fontsize=8, loc="lower left")
