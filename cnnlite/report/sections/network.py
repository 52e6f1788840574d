"""The network: shapes, parameters, and what each layer costs."""

from __future__ import annotations

from cnnlite.report.document import Section, figure
from cnnlite.report.figures.network import costs
from cnnlite.report.html import paragraphs, table
from cnnlite.report.network import LayerRow
from cnnlite.report.seen import Seen

__all__ = ["network"]

HEADINGS = (
    "layer", "kind", "output", "parameters", "multiply-adds", "ms forwards", "ms backwards",
    "kept bytes",
)  # fmt: skip


def network(seen: Seen) -> Section | None:
    """Return the table of a network's layers, and where its time goes; None if it is not known."""
    rows = seen.layers
    if not rows:
        return None
    total = LayerRow(
        name="all",
        kind="",
        text="",
        depth=0,
        shape=rows[-1].shape if rows[-1].depth else rows[0].shape,
        params=sum(row.params for row in rows),
        multiply_adds=sum(row.multiply_adds for row in rows if row.ms is not None),
        ms=sum(row.ms or 0 for row in rows),
        backward_ms=sum(row.backward_ms or 0 for row in rows),
        bytes=sum(row.bytes for row in rows),
    )
    shown = [row for row in rows if row.name] if len(rows) > 1 else list(rows)
    html = table("The layers", HEADINGS, [_cells(row) for row in [*shown, total]], HEADINGS[3:])
    lead = (
        f"{total.params:,} parameters and {total.multiply_adds:,} multiply-adds an image; "
        f"{_time(total):.3g} ms an image forwards and backwards, {_bytes(total.bytes)} kept in "
        "between. Measured when this page was made, one layer at a time; in training, layers that "
        "are fused take less."
    )
    cells = [_cells(row) for row in [*shown, total]]
    html = paragraphs([lead], "lead") + table("The layers", HEADINGS, cells, HEADINGS[3:])
    longest = max((row for row in rows if row.ms is not None), key=_time, default=total)
    label = f"Bars of each layer's time; the longest is {longest.name or longest.kind}"
    html += figure(
        "costs", "The longest bars are the layers that pay for being made smaller.", label
    )
    return Section("network", "Network", html, {"costs": costs(rows)})


def _time(row: LayerRow) -> float:
    return (row.ms or 0) + (row.backward_ms or 0)


def _cells(row: LayerRow) -> tuple[str, ...]:
    shape = "\N{MULTIPLICATION SIGN}".join(map(str, row.shape))
    indent = "\N{NO-BREAK SPACE}" * (2 * max(0, row.depth - 1))
    times = ("" if ms is None else f"{ms:.4f}" for ms in (row.ms, row.backward_ms))
    counts = (f"{n:,}" if n else "" for n in (row.params, row.multiply_adds))
    kept = f"{row.bytes:,}" if row.bytes else ""
    return (f"{indent}{row.name or row.kind}", row.kind, shape, *counts, *times, kept)


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
