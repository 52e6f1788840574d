"""What is inside a network, for notebooks: filters, maps, pictures, and how a number came about."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cnnlite.report.figures.style import blank, short
from cnnlite.report.inside.pixel import Computation
from cnnlite.report.palette import INK, RIGHT, WRONG

__all__ = ["computation", "filters", "heat", "maps", "pictures"]

BOTH_WAYS = [[0, WRONG], [0.5, "#ffffff"], [1, RIGHT]]
"""Negative orange, positive blue, as everywhere in a report."""
TILE = 88  # pixels of a figure, for a picture or a map
WIDTH = 44  # characters of a line above a figure, which fit a telephone
SPACE = 34  # above a picture, for its caption
MOST_TILES = 64


def maps(values: np.ndarray) -> go.Figure:
    """Draw maps side by side, all on one scale: what is negative orange, what is positive blue.

    Args:
        values: (maps, height, width).
    """
    shown = values[:MOST_TILES]
    gaps = _gaps(shown.shape[1:])
    sheet, columns = _tiled(shown[..., None].astype(np.float64), 8, gaps)
    figure = _sheet(sheet.shape[:2], columns, len(shown), TILE)
    _add_heatmap(figure, sheet[..., 0], "x", "y", "%{z:.4g}")
    captions = [str(place) for place in range(len(shown))]
    _annotate(figure, shown.shape[1:], columns, captions, gaps)
    return figure


def filters(weight: np.ndarray) -> go.Figure:
    """Draw the filters of a convolution: of three channels as colours, else of the first channel.

    Args:
        weight: (F, C, KH, KW) or (F, C, KW).
    """
    weight = weight if weight.ndim == 4 else weight[:, :, None]
    if weight.shape[1] != 3:
        return maps(weight[:, 0])
    scale = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
    colors = 127.5 * (1 + weight / np.where(scale > 0, scale, 1))
    return pictures(np.rint(colors).astype(np.uint8), [str(k) for k in range(len(weight))], 8)


def pictures(images: np.ndarray, captions: Sequence[str], most: int = 4) -> go.Figure:
    """Draw pictures side by side, each with its caption above it.

    Args:
        images: uint8 (N, C, H, W).
        captions: plain text, of one or two lines.
        most: pictures in a row.
    """
    shown = images[:MOST_TILES]
    colors = shown if shown.shape[1] == 3 else np.repeat(shown[:, :1], 3, axis=1)
    gaps = max(1, shown.shape[2] // 16), max(1, round(SPACE * shown.shape[2] / TILE))
    tiles = colors.transpose(0, 2, 3, 1).astype(np.float64)
    sheet, columns = _tiled(tiles, min(most, len(tiles)), gaps)
    figure = _sheet(sheet.shape[:2], columns, len(shown), TILE + SPACE)
    gap = np.isnan(sheet).any(axis=2, keepdims=True)
    alpha = np.where(gap, 0, 255)
    z = np.concatenate([np.nan_to_num(sheet), alpha], axis=2).astype(np.uint8)
    figure.add_image(z=z, colormodel="rgba256", hoverinfo="skip")
    _annotate(figure, shown.shape[2:], columns, captions, gaps)
    return figure


def computation(found: Computation, title: str) -> go.Figure:
    """Draw how a number came about: the patch, the kernel, and their products, channel by channel.

    Args:
        found: how.
        title: which number, plain text.
    """
    parts = {"patch": found.patch, "times kernel": found.kernel, "products": found.products}
    channels = found.patch.shape[0]
    shown = min(channels, MOST_TILES)
    across = min(8 if found.patch[0].size == 1 else 4, math.ceil(math.sqrt(shown)))
    gaps = _gaps(found.patch.shape[1:])
    sheets = [_tiled(part[:shown, ..., None], across, gaps)[0][..., 0] for part in parts.values()]
    rows, columns = sheets[0].shape
    lines = _sum_of(found, title, channels - shown)
    above = 40 + 19 * len(lines)
    high = 300 * rows / columns if sheets[0].size > 1 else 120
    figure = blank(
        int(above + min(500, 60 + high)),
        hovermode="closest", showlegend=False,
    )  # fmt: skip
    figure.layout.margin.t = above
    figure.add_annotation(
        text="<br>".join(map(html.escape, lines)), x=0, y=1, xref="paper", yref="paper", yshift=22,
        xanchor="left", yanchor="bottom", align="left", showarrow=False, font={"color": INK},
    )  # fmt: skip
    for number, (name, sheet) in enumerate(zip(parts, sheets, strict=True), 1):
        axis = "" if number == 1 else str(number)
        left = (number - 1) / 3
        figure.layout[f"xaxis{axis}"] = _axis(f"y{axis}", [left, left + 0.31])
        figure.layout[f"yaxis{axis}"] = {
            **_axis(f"x{axis}", [0, 1]), "scaleanchor": f"x{axis}", "autorange": "reversed",
            "constraintoward": "top",
        }  # fmt: skip
        text = "%{z:.3g}" if sheet.size <= 100 else None
        _add_heatmap(figure, sheet, f"x{axis}", f"y{axis}", f"{name} %{{z:.6g}}", text)
        figure.add_annotation(
            text=name, x=left, y=1, xref="paper", yref="paper", xanchor="left", yanchor="bottom",
            showarrow=False, font={"color": INK},
        )  # fmt: skip
    return figure


def heat(image: np.ndarray, values: np.ndarray, name: str) -> go.Figure:
    """Draw an image, and over it where something is large.

    Args:
        image: uint8 (C, H, W).
        values: (h, w), which cover the image evenly.
        name: of the values, plain text.
    """
    height, width = image.shape[1:]
    pixels = image if image.shape[0] == 3 else np.repeat(image[:1], 3, axis=0)
    figure = _sheet((height, width), 1, 1, TILE)
    figure.update_layout(height=420, title={"text": html.escape(name), "font": {"size": 14}})
    figure.layout.margin.t = 50
    figure.add_image(z=pixels.transpose(1, 2, 0), hoverinfo="skip")
    rows, columns = values.shape
    steps = width / columns, height / rows
    figure.add_heatmap(
        z=values.astype(np.float64), x0=steps[0] / 2 - 0.5, dx=steps[0], y0=steps[1] / 2 - 0.5,
        dy=steps[1], opacity=0.55, colorscale="Inferno", hovertemplate="%{z:.4g}<extra></extra>",
        colorbar={"thickness": 10, "len": 0.8},
    )  # fmt: skip
    return figure


def _gaps(shape: tuple[int, ...]) -> tuple[int, int]:
    """Pixels between tiles of a shape, across and down; single numbers stand close together."""
    gap = max(1, min(shape) // 16) if max(shape) > 1 else 0
    return gap, gap


def _tiled(values: np.ndarray, most: int, gaps: tuple[int, int]) -> tuple[np.ndarray, int]:
    """Lay tiles (N, h, w, c) out in rows, with NaN between them; and how many are in a row."""
    count, height, width, depth = values.shape
    columns = max(1, min(most, count))
    rows = -(-count // columns)
    across, down = gaps
    shape = rows * (height + down) - down, columns * (width + across) - across, depth
    sheet = np.full(shape, np.nan)
    for place, tile in enumerate(values):
        row, column = divmod(place, columns)
        top, left = row * (height + down), column * (width + across)
        sheet[top : top + height, left : left + width] = tile
    return sheet, columns


def _sheet(shape: tuple[int, ...], columns: int, count: int, tile: int) -> go.Figure:
    """An empty figure for a sheet of pixels, which stay square; a row is `tile` pixels high."""
    rows = -(-count // columns)
    figure = blank(min(900, 60 + tile * rows), hovermode="closest", showlegend=False)
    figure.layout.margin = {"l": 4, "r": 4, "t": SPACE, "b": 4}
    figure.layout.xaxis = {**_axis("y", [0, 1]), "range": [-0.5, shape[1] - 0.5]}
    figure.layout.yaxis = {
        **_axis("x", [0, 1]), "scaleanchor": "x", "range": [shape[0] - 0.5, -0.5],
    }  # fmt: skip
    return figure


def _axis(anchor: str, domain: Sequence[float]) -> dict[str, object]:
    return {
        "anchor": anchor, "domain": list(domain), "showgrid": False, "zeroline": False,
        "showticklabels": False, "constrain": "domain", "ticks": "",
    }  # fmt: skip


def _add_heatmap(
    figure: go.Figure, sheet: np.ndarray, x: str, y: str, hover: str, text: str | None = None
) -> None:
    most = float(np.nanmax(np.abs(sheet), initial=0.0)) or 1.0
    figure.add_heatmap(
        z=sheet, xaxis=x, yaxis=y, zmin=-most, zmax=most, colorscale=BOTH_WAYS, showscale=False,
        hovertemplate=f"{hover}<extra></extra>", texttemplate=text, hoverongaps=False,
    )  # fmt: skip


def _annotate(
    figure: go.Figure, shape: tuple[int, ...], columns: int, captions: Sequence[str],
    gaps: tuple[int, int],
) -> None:  # fmt: skip
    """Write a caption above the upper left corner of each tile."""
    height, width = shape
    for place, caption in enumerate(captions[:MOST_TILES]):
        row, column = divmod(place, columns)
        figure.add_annotation(
            text="<br>".join(map(short, caption.split("\n"))), align="left",
            x=column * (width + gaps[0]) - 0.5, y=row * (height + gaps[1]) - 0.5,
            xanchor="left", yanchor="bottom", showarrow=False, font={"size": 10, "color": INK},
        )  # fmt: skip


def _sum_of(found: Computation, title: str, left_out: int) -> list[str]:
    """The lines above a computation: its formula, and with its numbers."""
    value = f"= {found.value:.6g}"
    if found.formula.startswith("sum") and found.bias:
        sign = "-" if found.bias < 0 else "+"
        total = float(np.sum(found.products))
        value = f"= {total:.6g} {sign} {abs(found.bias):.6g} {value}"
    numbers = [f"{name} {number:.4g}" for name, number in found.numbers.items()]
    lines = [title, found.formula, ", ".join(numbers), value]
    lines.append(f"The layer gave {found.output:.6g}.")
    if left_out:
        lines.append(f"{left_out} more channels are summed, and not shown.")
    return [part for line in lines for part in textwrap.wrap(line, WIDTH)]
