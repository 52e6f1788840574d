"""Where the boxes of a graph go: layers from left to right, few crossings.

Source: Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
structures", IEEE Transactions on Systems, Man and Cybernetics, 1981.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Layout", "lay_out"]

SWEEPS = 8


class Layout(NamedTuple):
    """Places in a grid of layers and rows.

    Attributes:
        places: (layer, row) of each node; rows may lie between two whole numbers.
        ways: for each edge (node, number of the argument), the (layer, row) points it passes
            through, from the argument to the node, both included.
        layers, rows: size of the grid.
    """

    places: list[tuple[int, float]]
    ways: dict[tuple[int, int], list[tuple[int, float]]]
    layers: int
    rows: int


def lay_out(arguments: Sequence[Sequence[int]]) -> Layout:
    """Return a place for each node and a way for each edge.

    Args:
        arguments: for each node, the nodes it is computed from, which stand before it.
    """
    depth: list[int] = []
    for inputs in arguments:
        depth.append(max((depth[i] + 1 for i in inputs), default=0))
    # An edge over several layers gets a point in each, so that it avoids the boxes there.
    layer = list(depth)
    chains: dict[tuple[int, int], list[int]] = {}
    for node, inputs in enumerate(arguments):
        for number, argument in enumerate(inputs):
            chain = [argument]
            for between in range(depth[argument] + 1, depth[node]):
                chain.append(len(layer))
                layer.append(between)
            chains[node, number] = [*chain, node]
    rows = _order(layer, list(chains.values()))
    points = list(zip(layer, rows, strict=True))
    ways = {edge: [points[point] for point in chain] for edge, chain in chains.items()}
    columns = max(depth, default=0) + 1
    tallest = max((layer.count(column) for column in range(columns)), default=1)
    return Layout(points[: len(arguments)], ways, columns, tallest)


def _order(layer: list[int], chains: list[list[int]]) -> list[float]:
    """Return a row for each point: layers are sorted in turn by the mean row of the neighbours."""
    before: list[list[int]] = [[] for _ in layer]
    after: list[list[int]] = [[] for _ in layer]
    for chain in chains:
        for a, b in pairwise(chain):
            after[a].append(b)
            before[b].append(a)
    columns: list[list[int]] = [[] for _ in range(max(layer, default=0) + 1)]
    for point, column in enumerate(layer):
        columns[column].append(point)
    tallest = max(map(len, columns))
    rows = [0.0] * len(layer)

    def settle(column: list[int]) -> None:
        for row, point in enumerate(column):
            rows[point] = row + (tallest - len(column)) / 2

    for points in columns:
        settle(points)
    for sweep in range(SWEEPS):
        near = before if sweep % 2 == 0 else after
        for points in columns if sweep % 2 == 0 else reversed(columns):
            neighbours = {p: [rows[q] for q in near[p]] or [rows[p]] for p in points}
            means = {p: sum(places) / len(places) for p, places in neighbours.items()}
            points.sort(key=means.__getitem__)
            settle(points)
    return rows
