"""Figures of the ladder: columns, panels, tiles, and what each rung measures."""

import re
from pathlib import Path

import numpy as np
from matplotlib.patches import Rectangle

from docs.figures.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RED,
    Figure,
    arrow,
    canvas,
    cells,
    frame,
    label,
)

TABLE = Path(__file__).resolve().parents[1] / "results" / "ladder.md"


def im2col() -> Figure:
    """Draw how patches become columns, and the convolution one product."""
    figure, axes = canvas(8.4, 3.6)
    image = np.arange(1, 17).reshape(4, 4)
    columns = np.lib.stride_tricks.sliding_window_view(image, (3, 3)).reshape(4, 9).T
    cells(axes, 2, 9, image, BLUE, 3, marked={(i, j): GREEN for i in range(3) for j in range(3)})
    frame(axes, 2, 9, 9, 9, GREEN)
    label(axes, 8, 6.6, "x: one channel", BLUE)
    label(axes, 8, 24, "four patches of 3x3", GREEN, 9)
    arrow(axes, (15, 15), (22, 15), INK)
    label(axes, 18.4, 13.2, "copy", size=9)
    marked = {(i, 0): GREEN for i in range(9)}
    cells(axes, 60, 4.5, columns, BLUE, 2.7, marked=marked, fontsize=8)
    label(axes, 65.4, 2.4, "columns: C KH KW by OH OW", BLUE)
    cells(axes, 26, 13.6, [["w"] * 9] * 2, ORANGE, 2.7, fontsize=8)
    label(axes, 38, 11.4, "weight: F by C KH KW", ORANGE)
    label(axes, 54.8, 16.4, r"$\times$", size=15)
    arrow(axes, (65.4, 29), (65.4, 30.4), INK)
    cells(axes, 60, 30.4, [[""] * 4] * 2, RED, 2.5)
    label(axes, 71, 33, "y: F by OH OW", RED, ha="left")
    note = (
        "Every pixel is written up to nine times,\n"
        "and each number is used F times. The\n"
        "product is fast; the copy is not."
    )
    label(axes, 26, 27.5, note, GREY, 9, ha="left")
    return figure


def panel() -> Figure:
    """Draw the micro-kernel: a block of sums in registers, and one step of it."""
    figure, axes = canvas(8.4, 4.1)
    left, top, vector, row = 27, 10, 14, 2.6
    for i in range(8):
        for j in range(3):
            axes.add_patch(Rectangle((left + j * vector, top + i * row), vector - 0.5, row - 0.4,
                                     fc="#F9DDCB", ec=RED, lw=0.9))  # fmt: skip
            label(axes, left + j * vector + vector / 2, top + i * row + 1.1, f"acc[{i}][{j}]",
                  size=7.2)  # fmt: skip
    for j in range(3):
        axes.add_patch(Rectangle((left + j * vector, 4.4), vector - 0.5, 2.4, fc="#D5E8F5",
                                 ec=BLUE, lw=1.1))  # fmt: skip
        label(axes, left + j * vector + vector / 2, 5.6, "16 pixels of tap k", size=7.2)
        arrow(axes, (left + j * vector + 7, 6.9), (left + j * vector + 7, 9.9), BLUE)
    label(axes, left + 20.5, 2.4, "3 vectors are loaded", BLUE)
    for i in range(8):
        axes.add_patch(Rectangle((16, top + i * row), 4, row - 0.4, fc="#FBEBC8", ec=ORANGE, lw=1))
        label(axes, 18, top + i * row + 1.1, f"w[{i}]", size=7.2)
        arrow(axes, (20.3, top + i * row + 1.1), (26.8, top + i * row + 1.1), ORANGE)
    label(axes, 14.4, top + 10.4, "8 weights\nof tap k,\neach spread\nover a vector", ORANGE, 9,
          ha="right")  # fmt: skip
    label(axes, left + 20.5, 33.2, "24 sums in registers: 8 filters by 3 vectors of pixels", RED)
    label(axes, 42, 37, "for k over channels and taps:   acc[i][j] += w[i] * x[j]      "
          "24 multiply-adds, 11 loads", INK, 9.5)  # fmt: skip
    label(axes, 70.4, 20, "a panel", RED, 9.5, ha="left", weight="bold")
    label(axes, 70.4, 23.4, "stays here until\nall k are done", RED, 8.6, ha="left")
    return figure


def tiles() -> Figure:
    """Draw how the outputs are cut: pieces, panels of filters, vectors of pixels."""
    figure, axes = canvas(8.4, 4.0)
    for k in range(3, -1, -1):
        x, y = 4 + 1.6 * k, 11 - 1.8 * k
        axes.add_patch(Rectangle((x, y), 20, 20, fc="white", ec=GREY, lw=0.9))
    for i in range(4):
        tint, colour, width = ("#CDEBE1", GREEN, 1.8) if i == 1 else ("white", GREY, 0.7)
        axes.add_patch(Rectangle((4, 11 + 5 * i), 20, 5, fc=tint, ec=colour, lw=width))
    label(axes, 14, 2.6, "y of an image: F planes", BLUE)
    label(axes, 14, 18.6, "a piece: some rows", GREEN, 9)
    label(axes, 14, 35, "Pieces are cut by shape;\na thread does whole pieces", GREEN, 9)
    arrow(axes, (24.3, 18.5), (35.6, 18.5), GREEN)
    left, top = 36, 9
    for f in range(4):
        for j in range(4):
            here = (f, j) == (1, 0)
            width = 8 if j < 3 else 4
            axes.add_patch(Rectangle((left + 8 * j, top + 5 * f), width, 5,
                                     fc="#F9DDCB" if here else "white",
                                     ec=RED if here else GREY, lw=2 if here else 0.7))  # fmt: skip
    label(axes, left + 14, 6.4, "pixels of the piece, numbered through", INK, 9)
    label(axes, left - 0.8, top + 18.6, "F filters,\n8 at a time", ORANGE, 8.6, ha="right")
    label(axes, left + 14, 31.2, "a tile of outputs: one panel of filters, 48 pixels", RED, 9)
    label(axes, left + 14, 35, "first-level cache: the packed weights of the panel,\n"
          "the piece's copy of the input", GREY, 8.8)  # fmt: skip
    arrow(axes, (left + 8.3, top + 7.5), (70.5, top + 7.5), RED)
    cells(axes, 71, top + 2, [[""] * 3] * 8, RED, 1.4)
    label(axes, 73, top + 15.4, "registers:\n8 x 3 vectors", RED, 8.6)
    label(axes, 73, top - 0.4, "micro-kernel", RED, 9)
    return figure


def rates() -> Figure:
    """Draw the forward passes of the table in docs/results/ladder.md."""
    layers, measured, layer = [], {}, ""
    for cells_ in re.findall(r"^\|(.*?)\| (\w+) \| (\d+) ", TABLE.read_text("utf-8"), re.M):
        layer = cells_[0].strip() or layer
        if layer not in layers:
            layers.append(layer)
        measured[layer, cells_[1]] = int(cells_[2])
    figure = Figure(figsize=(8.4, 3.4))
    axes = figure.add_axes((0.33, 0.15, 0.64, 0.75))
    for k, (rung, colour) in enumerate((("im2col", GREY), ("tiled", BLUE), ("winograd", GREEN))):
        for i, name in enumerate(layers):
            rate = measured.get((name, rung))
            if rate is not None:
                axes.barh(i + 0.26 * (k - 1), rate, 0.24, color=colour,
                          label=rung if (rung, i) in FIRST else None)  # fmt: skip
                axes.text(rate + 8, i + 0.26 * (k - 1), str(rate), va="center", fontsize=8)
    axes.axvline(215, color=RED, lw=1.2, ls="--")
    axes.text(219, -0.62, "a 2048x2048 matrix product", color=RED, fontsize=8.5, va="center")
    axes.set_yticks(range(len(layers)), [name.replace(", ", ",\n", 1) for name in layers],
                    fontsize=8.5)  # fmt: skip
    axes.invert_yaxis()
    axes.set_ylim(len(layers) - 0.5, -0.85)
    axes.set_xlabel("GFLOP/s of the forward pass, counted by the definition", fontsize=9)
    axes.legend(loc="upper right", frameon=False, fontsize=9)
    return figure


FIRST = {("im2col", 0), ("tiled", 0), ("winograd", 1)}
