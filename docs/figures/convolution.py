"""Figures of a convolution and of its gradients, with small whole numbers."""

import numpy as np

from docs.figures.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RED,
    Axes,
    Figure,
    arrow,
    canvas,
    cells,
    frame,
    label,
)

X = np.array([[1, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 2], [1, 0, 1, 1]])
WEIGHT = np.array([[1, 0, -1], [2, 1, 0], [0, 1, 1]])
PADDED = np.pad(X, 1)
WINDOWS = np.lib.stride_tricks.sliding_window_view(PADDED, (3, 3))
Y = np.einsum("ijkl,kl->ij", WINDOWS, WEIGHT)
EDGE = [(i, j) for i in range(6) for j in range(6) if i in (0, 5) or j in (0, 5)]
SIZE = 3.0


def forward() -> Figure:
    """Draw one output of a padded 3x3 convolution: its patch times the filter."""
    figure, axes = canvas(8.4, 2.7)
    patch = {(1 + i, 2 + j): GREEN for i in range(3) for j in range(3)}
    cells(axes, 2, 6, PADDED, marked=patch, size=SIZE, faint=EDGE)
    frame(axes, 2 + 2 * SIZE, 6 + SIZE, 3 * SIZE, 3 * SIZE, GREEN)
    label(axes, 11, 3.4, "x, padded by 1", BLUE)
    label(axes, 25, 15, r"$\times$", size=15)
    cells(axes, 29, 10.5, WEIGHT, ORANGE, SIZE)
    label(axes, 33.5, 8, "weight", ORANGE)
    label(axes, 42, 15, "=", size=15)
    product = PADDED[1:4, 2:5] * WEIGHT
    cells(axes, 46, 10.5, product, GREEN, SIZE)
    label(axes, 50.5, 8, "products", GREEN)
    arrow(axes, (56, 15), (62.5, 15), INK)
    label(axes, 59, 13.2, "sum", size=9)
    cells(axes, 64, 9, Y, marked={(1, 2): GREEN}, size=SIZE)
    label(axes, 70, 6.4, "y", BLUE)
    label(axes, 70, 23.3, f"y[1, 2] = {Y[1, 2]}", GREEN, 9.5)
    return figure


def input_gradient() -> Figure:
    """Draw how two outputs send their gradients back, and where they add up."""
    figure, axes = canvas(8.4, 3.2)
    dy = np.zeros((4, 4), int)
    dy[1, 1], dy[2, 2] = 2, 3
    text = [[f"{v}" if v else "" for v in row] for row in dy.tolist()]
    cells(axes, 2, 10, text, RED, SIZE, marked={(1, 1): GREEN, (2, 2): ORANGE})
    label(axes, 8, 7.6, "dy (two of its pixels)", RED)
    for y, place, value, colour in ((2.5, (1, 1), 2, GREEN), (17.5, (2, 2), 3, ORANGE)):
        cells(axes, 31, y + 1.5, (WEIGHT * value), colour, SIZE)
        label(axes, 35.5, y, f"dy[{place[0]}, {place[1]}] * weight", colour, 9)
        arrow(axes, (15, 14.5 if colour == GREEN else 19), (30, y + 6), colour)
        arrow(axes, (41, y + 6), (51, 16), colour)
    total = np.zeros((6, 6), int)
    marked = {}
    for (i, j), value, colour in (((1, 1), 2, GREEN), ((2, 2), 3, ORANGE)):
        total[i : i + 3, j : j + 3] += WEIGHT * value
        marked |= {(i + a, j + b): colour for a in range(3) for b in range(3)}
    marked |= {(i, j): RED for i in (2, 3) for j in (2, 3)}
    cells(axes, 53, 7, total, BLUE, SIZE, marked=marked, faint=EDGE)
    frame(axes, 53 + SIZE, 7 + SIZE, 4 * SIZE, 4 * SIZE, BLUE)
    label(axes, 62, 4.6, "gradient of the padded x", BLUE)
    label(axes, 73, 13, "red: both\nare added", RED, 9, ha="left")
    label(axes, 73, 20, "frame: dx,\nwithout the\npadding", BLUE, 9, ha="left")
    return figure


def rotated() -> Figure:
    """Draw dx as a correlation of dy with the rotated filter."""
    figure, axes = canvas(8.4, 2.9)
    dy = np.array([[1, 0, 2, 1], [0, 1, 1, 0], [1, 2, 0, 1], [0, 1, 0, 2]])
    padded = np.pad(dy, 1)
    turned = WEIGHT[::-1, ::-1]
    dx = np.einsum("ijkl,kl->ij", np.lib.stride_tricks.sliding_window_view(padded, (3, 3)), turned)
    patch = {(2 + i, 1 + j): GREEN for i in range(3) for j in range(3)}
    cells(axes, 2, 6.5, padded, RED, SIZE, marked=patch, faint=EDGE)
    frame(axes, 2 + SIZE, 6.5 + 2 * SIZE, 3 * SIZE, 3 * SIZE, GREEN)
    label(axes, 11, 4, "dy, padded by 2 - 1", RED)
    label(axes, 24.5, 15.5, r"$\times$", size=15)
    cells(axes, 28, 11, turned, ORANGE, SIZE)
    label(axes, 32.5, 8.6, "weight, turned", ORANGE)
    label(axes, 32.5, 22.2, "by 180 degrees", ORANGE)
    arrow(axes, (40, 15.5), (47, 15.5), INK)
    label(axes, 43.3, 13.6, "sum", size=9)
    cells(axes, 49, 9.5, dx, BLUE, SIZE, marked={(2, 1): GREEN})
    label(axes, 55, 7, "dx", BLUE)
    label(axes, 63, 13.5, "the same loop as the\nforward pass: one code\nserves both", size=9,
          ha="left")  # fmt: skip
    label(axes, 63, 19.5, f"dx[2, 1] = {dx[2, 1]}", GREEN, 9.5, ha="left")
    return figure


def weight_gradient() -> Figure:
    """Draw one element of dweight: the pixels that its tap has met, times dy."""
    figure, axes = canvas(8.4, 2.9)
    dy = np.array([[1, 0, 2, 1], [0, 1, 1, 0], [1, 2, 0, 1], [0, 1, 0, 2]])
    seen = {(i, 2 + j): GREEN for i in range(4) for j in range(4)}
    cells(axes, 2, 6.5, PADDED, BLUE, SIZE, marked=seen, faint=EDGE)
    frame(axes, 2 + 2 * SIZE, 6.5, 4 * SIZE, 4 * SIZE, GREEN)
    label(axes, 11, 4, "x, padded: what tap (0, 2) met", BLUE)
    label(axes, 24.5, 15.5, r"$\times$", size=15)
    cells(axes, 28, 9.5, dy, RED, SIZE)
    label(axes, 34, 7, "dy", RED)
    arrow(axes, (42.5, 15.5), (51, 15.5), INK)
    label(axes, 46.6, 12.4, "sum over\nall pixels", size=9)
    windows = np.lib.stride_tricks.sliding_window_view(PADDED, (4, 4))
    dweight = np.einsum("ijkl,kl->ij", windows, dy)
    cells(axes, 53, 11, dweight, ORANGE, SIZE, marked={(0, 2): GREEN})
    label(axes, 57.5, 8.6, "dweight", ORANGE)
    label(axes, 65, 13.5, "and over all images\nof the batch", size=9, ha="left")
    label(axes, 65, 19.5, f"dweight[0, 2] = {dweight[0, 2]}", GREEN, 9.5, ha="left")
    return figure


def stride() -> Figure:
    """Draw the input gradient of stride 2: zeros between the pixels of dy, or four phases."""
    figure, axes = canvas(8.4, 3.1)
    dy = np.array([[1, 2], [3, 4]])
    spread = np.zeros((6, 6), int)
    spread[1:4:2, 1:4:2] = dy
    zeros = [(i, j) for i in range(6) for j in range(6) if not spread[i, j]]
    cells(axes, 2, 12, dy, RED, SIZE)
    label(axes, 5, 9.6, "dy", RED)
    arrow(axes, (8.8, 15), (14, 15), INK)
    cells(axes, 15, 6, spread, RED, SIZE, faint=zeros)
    label(axes, 24, 3.6, "dy with zeros between", RED)
    label(axes, 24, 26.2, "nine products a pixel,\nmost of them with zero", GREY, 9)
    arrow(axes, (34, 15), (40.5, 15), INK)
    label(axes, 44, 3.6, "which taps reach a pixel of dx", INK, ha="left")
    colours = (GREEN, BLUE, ORANGE, RED)
    phases = {(i, j): colours[i % 2 * 2 + j % 2] for i in range(4) for j in range(4)}
    _phase_grid(axes, 42, 9, phases)
    for k, (colour, text) in enumerate(zip(colours, (
        "even row, even column: 1 tap, the middle",
        "even row, odd column: 2 taps of a row",
        "odd row, even column: 2 taps of a column",
        "odd row, odd column: the 4 corners",
    ), strict=True)):  # fmt: skip
        label(axes, 55.5, 10 + 3.4 * k, text, colour, 8, ha="left")
    label(axes, 48, 24.4, "four small correlations,\nno zero is multiplied", GREY, 9)
    return figure


def _phase_grid(axes: Axes, x: float, y: float, phases: dict[tuple[int, int], str]) -> None:
    counts = [[(1, 2, 2, 4)[i % 2 * 2 + j % 2] for j in range(4)] for i in range(4)]
    cells(axes, x, y, counts, BLUE, SIZE, marked=phases)
