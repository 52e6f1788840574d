"""The picture: losses side by side, their differences, and how far the weights are apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnlite.labs.lab import COLORS, INK, style
from cnnlite.labs.replicate.side_by_side import Run

SMALLEST = 1e-17  # drawn for a difference of zero, which has no logarithm
LINES = {
    "theirs": ("PyTorch", "-"),
    "bit": ("one bit changed", "--"),
    "same": ("same weights", ":"),
}


def draw(runs: Mapping[str, Run], figure: Any) -> None:
    """Draw three panels over the steps of the epoch."""
    left, middle, right = figure.subplots(1, 3)
    style(left, "loss, float32", "step")
    left.plot(runs["float32"].ours, color=COLORS[0], linewidth=3, alpha=0.4, label="cnnlite")
    left.plot(runs["float32"].theirs, color=COLORS[1], linewidth=1, label="PyTorch")
    left.legend(frameon=False, labelcolor=INK, fontsize=8)

    style(middle, "difference of losses, largest so far", "step")
    style(right, "relative distance of weights", "step")
    for (name, run), color in zip(runs.items(), COLORS, strict=False):
        for which, (label, line) in LINES.items():
            growth = np.maximum.accumulate(np.maximum(run.gap(which), SMALLEST))
            middle.plot(growth, line, color=color, linewidth=1.1, label=f"{name}, {label}")
        for values, line in ((run.apart, "-"), (run.apart_bit, "--")):
            right.plot(values, line, color=color, linewidth=1.1)
    for axes in (middle, right):
        axes.set_yscale("log")
    figure.legend(
        *middle.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False,
        labelcolor=INK, fontsize=8,
    )  # fmt: skip
