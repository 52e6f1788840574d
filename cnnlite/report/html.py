"""Pieces of HTML, with everything in them escaped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape

__all__ = ["paragraphs", "table"]

TALL = 40
"""Rows above which a table scrolls by itself."""
LONG = 20
"""Letters above which the name of a row may be broken."""


def table(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Collection[str] = (),
    id: str = "",
) -> str:
    """Return a table, which scrolls sideways where it is too wide; its first column names a row.

    Args:
        caption: what the table is, for whoever hears it.
        headings: of the columns.
        rows: a text for each column.
        right: headings of the columns of numbers.
        id: of the table, for scripts.
    """
    looks = [' class="number"' if heading in right else "" for heading in headings]
    head = "".join(
        f'<th scope="col"{look}>{escape(heading)}</th>'
        for heading, look in zip(headings, looks, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{look}>{escape(cell)}</td>" if place else _name(cell)
            for place, (cell, look) in enumerate(zip(row, looks, strict=True))
        )
        + "</tr>"
        for row in rows
    )
    named = f' id="{escape(id)}"' if id else ""
    look = "scroll tall" if body.count("<tr>") > TALL else "scroll"
    return (
        f'<div class="{look}" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table{named}><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _name(text: str) -> str:
    """Return the cell that names a row; it stays in sight, so a long name is broken."""
    look = ' class="long"' if len(text) > LONG else ""
    return f'<th scope="row"{look}>{escape(text)}</th>'


def paragraphs(texts: Iterable[str], look: str = "note") -> str:
    """Return a paragraph for each text."""
    return "".join(f'<p class="{look}">{escape(text)}</p>' for text in texts)
