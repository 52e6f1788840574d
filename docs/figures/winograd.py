"""Figures of Winograd's convolution: values of polynomials, tiles, products, errors."""

import numpy as np
from matplotlib.patches import Rectangle
from numpy.polynomial import polynomial

from cnnlite.reference.winograd import POINTS
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


def values() -> Figure:
    """Draw two polynomials and their product, known from its values at three points."""
    figure = Figure(figsize=(8.4, 2.7))
    g, d = np.array([1.0, -0.5]), np.array([0.5, 1.0])
    t = np.linspace(-1.6, 1.6, 200)
    for k, (name, coefficients, colour) in enumerate((
        ("g(t) = 1 - t/2", g, ORANGE), ("d(t) = 1/2 + t", d, BLUE),
        ("g(t) d(t)", polynomial.polymul(g, d), GREEN),
    )):  # fmt: skip
        axes = figure.add_axes((0.05 + 0.335 * k, 0.14, 0.25, 0.7))
        axes.plot(t, polynomial.polyval(t, coefficients), color=colour, lw=1.8)
        points = np.array([-1.0, 0.0, 1.0])
        at = polynomial.polyval(points, coefficients)
        axes.plot(points, at, "o", color=colour, ms=6)
        for point, value in zip(points, at, strict=True):
            axes.annotate(f"{value:g}", (point, value), textcoords="offset points", xytext=(6, -11),
                          fontsize=9)  # fmt: skip
        axes.axhline(0, color=GREY, lw=0.7)
        axes.set_title(name, color=colour, fontsize=10)
        axes.set_xticks([-1, 0, 1])
        axes.set_ylim(-2.1, 2.1)
        axes.tick_params(labelsize=8)
    figure.text(0.342, 0.5, r"$\times$", fontsize=15, ha="center", va="center")
    figure.text(0.677, 0.5, "=", fontsize=15, ha="center", va="center")
    return figure


def tiles() -> Figure:
    """Draw output tiles of 4x4 and the 6x6 inputs under them, which overlap by two."""
    figure, axes = canvas(8.4, 3.1)
    size, left, top = 1.9, 4, 7
    for i in range(10):
        for j in range(10):
            axes.add_patch(Rectangle((left + j * size, top + i * size), size, size, fc="#D5E8F5",
                                     ec="white", lw=0.6))  # fmt: skip
    for (i, j), colour in (((0, 0), GREEN), ((0, 4), RED)):
        axes.add_patch(Rectangle((left + j * size, top + i * size), 6 * size, 6 * size, fc=colour,
                                 alpha=0.16))  # fmt: skip
        axes.add_patch(Rectangle((left + j * size, top + i * size), 6 * size, 6 * size, fc="none",
                                 ec=colour, lw=2))  # fmt: skip
    label(axes, left + 9.5, 4.4, "x: tiles of 6x6 overlap by two", BLUE)
    arrow(axes, (26, 16), (36, 16), INK)
    left = 40
    for i in range(8):
        for j in range(8):
            tone = "#CDEBE1" if i < 4 and j < 4 else "#F9DDCB" if i < 4 else "#EFEFEF"
            axes.add_patch(Rectangle((left + j * size, 9 + i * size), size, size, fc=tone,
                                     ec="white", lw=0.6))  # fmt: skip
    for j, colour in ((0, GREEN), (4, RED)):
        axes.add_patch(Rectangle((left + j * size, 9), 4 * size, 4 * size, fc="none", ec=colour,
                                 lw=2))  # fmt: skip
    label(axes, left + 7.6, 6.4, "y: tiles of 4x4", BLUE)
    label(axes, 60, 12.6, "16 outputs by the definition:", size=9.5, ha="left")
    label(axes, 60, 15.4, "16 x 9 = 144 products", RED, 9.5, ha="left")
    label(axes, 60, 19.4, "by values at 6 x 6 points:", size=9.5, ha="left")
    label(axes, 60, 22.2, "36 products", GREEN, 9.5, ha="left")
    return figure


def products() -> Figure:
    """Draw the pipeline: transforms, 36 matrix products over channels, the transform back."""
    figure, axes = canvas(8.4, 3.5)
    box(axes, 2, 4, 13, 5, "d: tiles of x\n6 x 6 x C", BLUE)
    box(axes, 2, 22, 13, 5, "g: weights\n3 x 3 x C x F", ORANGE)
    arrow(axes, (15, 6.5), (27, 6.5), BLUE)
    label(axes, 21, 4.6, r"$B^T d\, B$", BLUE, 10)
    arrow(axes, (15, 24.5), (27, 24.5), ORANGE)
    label(axes, 21, 22.4, r"$G\, g\, G^T$", ORANGE, 10)
    for k in range(4, -1, -1):
        for y, colour, tint in ((3, BLUE, "#D5E8F5"), (21, ORANGE, "#FBEBC8")):
            axes.add_patch(Rectangle((28 + 0.9 * k, y + 0.9 * k), 8, 5.6, fc=tint, ec=colour,
                                     lw=0.9))  # fmt: skip
    label(axes, 32, 5.8, "tiles x C", size=8.6)
    label(axes, 32, 23.8, "C x F", size=8.6)
    label(axes, 36, 14.6, "36 of each,\none for each element of a tile", GREY, 9)
    arrow(axes, (41, 8), (50, 13.6), BLUE)
    arrow(axes, (41, 25), (50, 17.6), ORANGE)
    for k in range(4, -1, -1):
        axes.add_patch(Rectangle((51 + 0.9 * k, 12 + 0.9 * k), 9, 5.6, fc="#CDEBE1", ec=GREEN,
                                 lw=0.9))  # fmt: skip
    label(axes, 55.5, 14.8, "tiles x F", size=8.6)
    label(axes, 57, 9.6, "36 matrix products", GREEN, 9.5)
    arrow(axes, (64.6, 15.6), (73, 15.6), RED)
    label(axes, 68.6, 12.9, r"$A^T m A$", RED, 10)
    box(axes, 73.4, 13, 9.6, 5.4, "y: tiles\n4 x 4 x F", RED)
    label(axes, 42, 32.4, "The sum over channels is taken before the transform back, so that runs "
          "once a tile and filter, not C times.", GREY, 9)  # fmt: skip
    return figure


def errors() -> Figure:
    """Draw float32 errors of F(4x4, 3x3) for several sets of points, by channels."""
    figure = Figure(figsize=(8.4, 3.0))
    axes = figure.add_axes((0.09, 0.17, 0.56, 0.74))
    sets = (
        ("0, ±1, ±2", (0.0, 1.0, -1.0, 2.0, -2.0), RED),
        ("0, ±1/2, ±1", (0.0, 0.5, -0.5, 1.0, -1.0), ORANGE),
        ("0, ±√½, ±√2 (cnnlite)", POINTS[4, 3], GREEN),
    )
    channels = [1, 4, 16, 64, 256]
    for name, points, colour in sets:
        found = [measured_error(points, count) for count in channels]
        axes.loglog(channels, found, "o-", color=colour, ms=5, label=name)
    axes.set_xticks(channels, [str(count) for count in channels])
    axes.set_yticks([3e-7, 1e-6, 3e-6, 1e-5], ["3e-7", "1e-6", "3e-6", "1e-5"])
    axes.minorticks_off()
    axes.set_xlabel("channels that are summed", fontsize=9)
    axes.set_ylabel("largest error / largest output", fontsize=9)
    axes.tick_params(labelsize=8)
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="center left", bbox_to_anchor=(0.68, 0.55), frameon=False,
                  fontsize=9.5, title="points (and infinity)")  # fmt: skip
    return figure


def matrices(points: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return A^T, B^T and G of F(4x4, 3x3) for any five points, made as `transforms` makes them."""
    output, weight, data = np.zeros((4, 6)), np.zeros((6, 3)), np.zeros((6, 6))
    for i, point in enumerate(points):
        others = [other for other in points if other != point]
        output[:, i] = point ** np.arange(4)
        weight[i] = point ** np.arange(3) / np.prod(point - np.array(others))
        data[i, :5] = polynomial.polyfromroots(others)
    output[-1, -1] = weight[-1, -1] = 1
    data[-1] = polynomial.polyfromroots(points)
    return output, data, weight


def measured_error(points: tuple[float, ...], channels: int) -> float:
    """Return the error of 64 tiles in float32 against float64, relative to the largest output."""
    rng = np.random.default_rng(channels)
    d, g = rng.standard_normal((64, channels, 6, 6)), rng.standard_normal((channels, 3, 3))
    results = []
    for dtype in (np.float64, np.float32):
        a, b, w = (matrix.astype(dtype) for matrix in matrices(points))
        products = (b @ d.astype(dtype) @ b.T) * (w @ g.astype(dtype) @ w.T)
        results.append(a @ products.sum(axis=1, dtype=dtype) @ a.T)
    exact, rounded = results
    return float(np.abs(rounded - exact).max() / np.abs(exact).max())
