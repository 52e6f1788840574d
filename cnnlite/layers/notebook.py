"""How a network and what it kept look in a notebook."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from cnnlite import html

__all__ = ["network_table", "summary_table"]


class Network(Protocol):
    """What is asked of a layer here; `Layer`, whose method calls this, is above."""

    params: Any  # its arrays by name

    def children(self) -> Mapping[str, Any]: ...


class Row(Protocol):
    """What is shown of a row of `cnnlite.layers.summary`, which is above."""

    name: str
    layer: str
    depth: int
    output_shape: tuple[int, ...]
    params: int
    multiply_adds: int
    cache_bytes: int


def network_table(network: Network, name: str | None = None) -> str:
    """Return a table of the layers of a network, with the shapes of their parameters.

    Args:
        network: any layer.
        name: what it is called; None means its class.
    """
    counted: set[int] = set()
    rows, total = [], 0
    for key, layer, depth in _layers(network, "", 0):
        leaf = not layer.children()
        arrays = dict(layer.params) if leaf else {}
        new = {id(array): array.size for array in arrays.values() if id(array) not in counted}
        counted.update(new)
        count = sum(new.values())
        total += count
        shapes = ", ".join(f"{key} {tuple(array.shape)}" for key, array in arrays.items())
        again = "as above" if arrays and not new else ""
        label = repr(layer) if leaf else type(layer).__name__
        rows.append((_label(key, label, depth), shapes, f"{count:,}" if count else again))
    caption = f"{name or type(network).__name__}: {total:,} parameters"
    return html.table(("layer", "arrays", "parameters"), rows, ("parameters",), caption)


def _layers(layer: Network, name: str, depth: int) -> Iterator[tuple[str, Network, int]]:
    yield name, layer, depth
    for key, child in layer.children().items():
        yield from _layers(child, key, depth + 1)


def _label(name: str, layer: str, depth: int) -> str:
    return " " * 4 * depth + (f"({name}): {layer}" if name else layer)


def summary_table(input_shape: tuple[int, ...], rows: Sequence[Row]) -> str:
    """Return the table of a summary, a row a layer, with the sums at the end."""
    numbers = ("parameters", "multiply-adds", "cache bytes")
    lines = []
    for row in rows:
        counts = (row.params, row.multiply_adds, row.cache_bytes)
        shown = (f"{count:,}" if count else "" for count in counts)
        lines.append((_label(row.name, row.layer, row.depth), str(row.output_shape), *shown))
    totals = (
        sum(getattr(row, name) for row in rows)
        for name in ("params", "multiply_adds", "cache_bytes")
    )
    lines.append(("total", "", *(f"{total:,}" for total in totals)))
    caption = f"input {input_shape}"
    headings = ("layer", "output", *numbers)
    return html.table(headings, lines, numbers, caption, strong=[len(rows)])
