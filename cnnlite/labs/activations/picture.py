"""The picture: four functions, their slopes, gradients through depth, and training."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnlite.labs.activations.theory import ACTIVATIONS, slope
from cnnlite.labs.lab import COLORS, INK, style

LINES = ("-", "--", "-.", ":")


def draw(
    norms: Mapping[str, np.ndarray], histories: Mapping[str, Mapping[str, list[float]]], figure: Any
) -> None:
    """Draw four panels.

    Args:
        norms: the gradient's norm below each layer, for each activation.
        histories: the training's, for each activation.
        figure: a matplotlib Figure.
    """
    (values, slopes), (depth, training) = figure.subplots(2, 2)
    style(values, "the functions", "x")
    style(slopes, "their slopes", "x")
    style(depth, "the gradient's norm on its way down (gain 1)", "layer")
    style(training, "the ConvNet's validation accuracy", "epoch")
    x, far = np.linspace(-4, 4, 401), np.linspace(0.01, 15, 301)
    for (name, g), color, line in zip(ACTIVATIONS.items(), COLORS, LINES, strict=False):
        look = {"color": color, "linestyle": line, "linewidth": 1.6}
        values.plot(x, g(x), label=name, **look)
        slopes.plot(far, slope(g, far), **look)
        depth.plot(norms[name], **look)
        accuracy = [100 * share for share in histories[name]["val_acc"]]
        training.plot(range(1, len(accuracy) + 1), accuracy, marker="o", markersize=3.5, **look)
    values.set_ylim(-1.6, 2.6)
    slopes.set_yscale("log")
    slopes.set_ylim(1e-7, 3)
    depth.set_yscale("log")
    depth.invert_xaxis()  # the gradient goes from left to right
    training.yaxis.set_major_formatter("{x:g}%")
    training.set_ylim(0, 100)
    for axes in (depth, training):
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, labelcolor=INK)
