"""Figures of batch-norm's backward pass."""

import numpy as np

from docs.figures.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RED,
    Figure,
    arrow,
    box,
    canvas,
    label,
)


def graph() -> Figure:
    """Draw the graph of one channel, with the three ways from x to the output."""
    figure, axes = canvas(8.4, 3.6)
    box(axes, 2, 15, 8, 4.6, "x", BLUE)
    box(axes, 17, 24, 13, 4.6, r"mean  $\mu$", GREEN)
    box(axes, 36, 15, 11, 4.6, r"$x - \mu$", BLUE)
    box(axes, 36, 3.6, 23, 5, r"variance  $\sigma^2$,  $s = 1/\sqrt{\sigma^2+\epsilon}$", ORANGE)
    box(axes, 60, 15, 9, 4.6, r"$\hat x$", BLUE)
    box(axes, 75, 15, 7, 4.6, "y", BLUE)
    arrow(axes, (10, 17.3), (36, 17.3), BLUE)
    arrow(axes, (6, 19.6), (17, 26.3), GREEN, 0.15)
    arrow(axes, (30, 26.3), (41, 19.6), GREEN, 0.15)
    arrow(axes, (41.5, 15), (43, 8.6), ORANGE)
    arrow(axes, (58, 8.6), (63.5, 15), ORANGE)
    arrow(axes, (47, 17.3), (60, 17.3), BLUE)
    arrow(axes, (69, 17.3), (75, 17.3), BLUE)
    label(axes, 53.5, 15.6, r"$\times\, s$", INK, 10)
    label(axes, 72, 13, r"$\gamma\hat x+\beta$", INK, 10)
    label(axes, 23, 15.6, "1: directly", BLUE, 9)
    label(axes, 23.5, 30.6, "2: through the mean", GREEN, 9)
    label(axes, 30, 6, "3: through the\nvariance", ORANGE, 9, ha="right")
    label(axes, 42, 33.6, "a pixel of x moves every output of its channel, because it moves "
          r"$\mu$ and $s$", GREY, 9)  # fmt: skip
    return figure


def parts() -> Figure:
    """Draw dy of one channel and the three terms that dx is made of."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal(12)
    xhat = (x - x.mean()) / x.std()
    dy = 0.8 + 0.7 * xhat + 0.6 * rng.standard_normal(12)
    mean, along = np.full(12, dy.mean()), xhat * (dy * xhat).mean()
    figure = Figure(figsize=(8.4, 2.9))
    titles = ("dy", "its mean", r"its part along $\hat x$", "what is left, times " + r"$\gamma s$")
    shown = (dy, mean, along, dy - mean - along)
    for k, (title, values, colour) in enumerate(
        zip(titles, shown, (RED, GREEN, ORANGE, BLUE), strict=True)
    ):
        axes = figure.add_axes((0.05 + 0.245 * k, 0.16, 0.17, 0.66))
        axes.bar(range(12), values, color=colour, width=0.75)
        axes.axhline(0, color=INK, lw=0.8)
        axes.set_ylim(-1.6, 2.9)
        axes.set_title(title, color=colour, fontsize=10)
        axes.set_xticks([])
        axes.set_yticks([-1, 0, 1, 2])
        axes.tick_params(labelsize=8)
        axes.set_xlabel("the values of a channel", fontsize=8, color=GREY)
    for k, sign in enumerate(("−", "−", "=")):
        figure.text(0.262 + 0.245 * k, 0.5, sign, fontsize=20, ha="center", va="center")
    return figure
