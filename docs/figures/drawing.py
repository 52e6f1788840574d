"""What the figures share: their look, grids of numbers, boxes and arrows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

__all__ = ["BLUE", "GREEN", "GREY", "INK", "ORANGE", "PALE", "RED", "STYLE", "Axes", "Figure",
           "arrow", "blank", "box", "canvas", "cells", "frame", "label"]  # fmt: skip

# Okabe and Ito's colours, which everybody can tell apart: what goes forward is blue, what comes
# back is red, weights are orange.
BLUE, RED, ORANGE, GREEN = "#0072B2", "#D55E00", "#E69F00", "#009E73"
INK, GREY, PALE = "#222222", "#8A8A8A", "#F2F2F2"
TEXT = {BLUE: "#00598C", RED: "#A84900", ORANGE: "#8A5F00", GREEN: "#00714F", GREY: "#606060"}
TINTS = {BLUE: "#D5E8F5", RED: "#F9DDCB", ORANGE: "#FBEBC8", GREEN: "#CDEBE1", GREY: "#E4E4E4"}

STYLE = {
    "svg.hashsalt": "cnnlite",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "mathtext.fontset": "dejavusans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "savefig.facecolor": "white",
}


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of this size in inches and an empty axis in which a unit is a tenth of one.

    Its origin is the top left corner, and y grows downwards, as rows of a matrix do.
    """
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    blank(axes, width * 10, height * 10)
    return figure, axes


def blank(axes: Axes, width: float, height: float) -> None:
    """Empty an axis, with the origin at its top left corner."""
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)


def cells(
    axes: Axes,
    x: float,
    y: float,
    values: Iterable[Iterable[object]],
    colour: str = BLUE,
    size: float = 3.2,
    marked: Mapping[tuple[int, int], str] | None = None,
    fontsize: float = 9,
    faint: Iterable[tuple[int, int]] = (),
) -> None:
    """Draw a grid of cells with its top left corner at (x, y).

    Args:
        axes: what to draw on.
        x, y: the corner.
        values: what stands in the cells, a row each; "" leaves one empty.
        colour: the colour of all cells that are not marked otherwise.
        size: the side of a cell.
        marked: colours of single cells, by (row, column).
        fontsize: of what stands in the cells.
        faint: cells that are drawn without a ground (padding), by (row, column).
    """
    marked, faint = dict(marked or {}), set(faint)
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            tone = marked.get((i, j), colour)
            ground = "white" if (i, j) in faint and (i, j) not in marked else TINTS[tone]
            edge = GREY if (i, j) in faint else tone
            place = (x + j * size, y + i * size)
            axes.add_patch(Rectangle(place, size, size, fc=ground, ec=edge, lw=0.8))
            text = f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value)
            ink = GREY if (i, j) in faint else INK
            axes.text(place[0] + size / 2, place[1] + size / 2, text, ha="center", va="center",
                      fontsize=fontsize, color=ink)  # fmt: skip


def frame(axes: Axes, x: float, y: float, width: float, height: float, colour: str) -> None:
    """Draw a thick frame around something."""
    axes.add_patch(Rectangle((x, y), width, height, fc="none", ec=colour, lw=2.2, zorder=3))


def box(
    axes: Axes, x: float, y: float, width: float, height: float, text: str, colour: str = BLUE
) -> None:
    """Draw a rounded box with a text in it."""
    shape = FancyBboxPatch(
        (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.6", fc=TINTS[colour],
        ec=colour, lw=1.1,
    )  # fmt: skip
    axes.add_patch(shape)
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=9.5)


def arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str = INK,
    bend: float = 0,
    dashed: bool = False,
) -> None:
    """Draw an arrow, bent to one side if asked."""
    axes.add_patch(FancyArrowPatch(
        start, end, arrowstyle="-|>", mutation_scale=11, color=colour, lw=1.3, shrinkA=1,
        shrinkB=1, connectionstyle=f"arc3,rad={bend}", linestyle="--" if dashed else "-",
    ))  # fmt: skip


def label(
    axes: Axes, x: float, y: float, text: str, colour: str = INK, size: float = 10, **how: Any
) -> None:
    """Write a text, centred unless told otherwise, in a tone of its colour that is easy to read."""
    settings = {"ha": "center", "va": "center"} | how
    axes.text(x, y, text, color=TEXT.get(colour, colour), fontsize=size, **settings)
