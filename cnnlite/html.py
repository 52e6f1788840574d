"""Small pieces of HTML, for notebooks and pages: tables and pictures, with all text escaped."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np

__all__ = ["details", "escape", "picture", "png", "table"]

LEFT, RIGHT = (
    f'style="text-align:{side};padding:2px 8px"' for side in ("left", "right;white-space:nowrap")
)


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[str] = (),
    caption: str = "",
    strong: Sequence[int] = (),
    raw: Sequence[str] = (),
) -> str:
    """Return a table, which scrolls sideways where it is too wide.

    Args:
        headings: a name for each column.
        rows: the cells, as text; leading spaces are kept.
        right: the columns of numbers, which are right-aligned.
        caption: a line above it.
        strong: rows that stand out, by number.
        raw: the columns whose cells are HTML already.
    """
    sides = [RIGHT if heading in right else LEFT for heading in headings]
    head = "".join(f"<th {s}>{escape(h)}</th>" for s, h in zip(sides, headings, strict=True))
    body = []
    for number, row in enumerate(rows):
        cells = (
            f"<td {side}>{cell if heading in raw else _text(cell)}</td>"
            for heading, side, cell in zip(headings, sides, row, strict=True)
        )
        weight = ' style="font-weight:bold"' if number in strong else ""
        body.append(f"<tr{weight}>{''.join(cells)}</tr>")
    told = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    inside = f"{told}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    return f'<div style="overflow-x:auto"><table>{inside}</table></div>'


def details(summary: str, html: str) -> str:
    """Return HTML that is folded away under a line of text."""
    return f"<details><summary>{escape(summary)}</summary>{html}</details>"


def picture(content: bytes, text: str, width: int | None = None) -> str:
    """Return a PNG as an image that is part of the page.

    Args:
        content: of the file.
        text: what it shows, for whoever does not see it.
        width: in CSS pixels, at most; None for its own.
    """
    data = base64.b64encode(content).decode()
    size = f"width:{width}px;max-width:100%" if width else "max-width:100%"
    return (
        f'<img alt="{escape(text)}" src="data:image/png;base64,{data}" '
        f'style="{size};image-rendering:pixelated">'
    )


def png(image: np.ndarray) -> bytes:
    """Return an image as a PNG file.

    Args:
        image: uint8 (H, W) or (H, W, 3).

    Raises:
        ImportError: Pillow is not installed.
    """
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(content, "PNG")
    return content.getvalue()


def _text(cell: str) -> str:
    """A cell's text, whose leading spaces are an indentation."""
    text = cell.lstrip(" ")
    return "&nbsp;" * (len(cell) - len(text)) + escape(text).replace("\n", "<br>")
