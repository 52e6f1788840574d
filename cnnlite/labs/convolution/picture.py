"""The picture: a circulant, what the DFT makes of it, a video's circulant, and layers' errors."""

from typing import Any

import numpy as np

from cnnlite.labs.convolution.circulant import circulant, dft_matrix
from cnnlite.labs.lab import COLORS, INK, color_bar, style

MARKERS = "os^vDP"


def draw(errors: dict[str, list[float]], figure: Any) -> None:
    """Draw three matrices above the equivariance errors by shift."""
    grid = figure.add_gridspec(2, 3, height_ratios=[1, 1.05])
    k = np.array([0.2, 1.0, 0.5, -0.3, 0, 0, 0, 0, 0, 0, 0, -0.6])
    C, F = circulant(k), dft_matrix(k.shape)
    video = np.zeros((4, 6))
    video[:2, :3] = [[0.2, 1.0, 0.5], [-0.3, -0.6, 0.4]]
    _matrix(figure.add_subplot(grid[0, 0]), C, "circulant of a kernel, C")
    _matrix(figure.add_subplot(grid[0, 1]), np.abs(F @ C @ F.conj().T), "|F C F$^H$|: diagonal")
    _matrix(figure.add_subplot(grid[0, 2]), circulant(video), "video: 4 frames of 6 pixels", 6)
    _errors(figure.add_subplot(grid[1, :]), errors)


def _matrix(axes: Any, matrix: np.ndarray, title: str, block: int = 0) -> None:
    limit = np.abs(matrix).max()
    signed = bool((matrix < 0).any())
    colors, low = ("RdBu", -limit) if signed else ("Blues", 0)
    picture = axes.imshow(matrix, cmap=colors, vmin=low, vmax=limit)
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color("#bbbbbb")
    for edge in range(block, len(matrix), block) if block else ():
        axes.axhline(edge - 0.5, color="#888888", linewidth=0.7)
        axes.axvline(edge - 0.5, color="#888888", linewidth=0.7)
    color_bar(picture, axes, "entry")


def _errors(axes: Any, errors: dict[str, list[float]]) -> None:
    style(axes, "relative equivariance error of layers", "shift of the images, in pixels")
    for (name, values), color, marker in zip(errors.items(), COLORS, MARKERS, strict=True):
        axes.plot(values, color=color, marker=marker, markersize=5, linewidth=1.2, label=name)
    axes.set_ylim(bottom=-0.02)
    axes.figure.legend(
        loc="outside lower center", ncols=3, frameon=False, labelcolor=INK, fontsize=9
    )
