"""The binary tree in which the shards of a batch are summed up, whoever has computed them.

Its leaves are the shards 0 to S - 1.  A node of level k covers the 2^k shards from a multiple of
2^k on, as far as there are so many; its sum is that of its two children.  So the order of all
additions follows from S alone.

    S = 6:  ((0 + 1) + (2 + 3)) + (4 + 5)

Neighbouring shards make few nodes: those of shards 0 to 2 are 0 + 1 and 2.  A rank sends the sums
of its nodes, and whoever has all ranks' nodes can go on to the root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Node", "Sums", "nodes_of", "total"]

T = TypeVar("T")


class Node(NamedTuple):
    """A node of the tree: it covers the shards from place * 2^level on."""

    level: int
    place: int


class Sums(Generic[T]):
    """The sums of shards that come one after the other, as few nodes as possible.

    Args:
        shards: S.
        add: returns the sum of its two arguments, the left one first; it may change the left one.

    Attributes:
        nodes: (node, sum) pairs, from the left.
    """

    def __init__(self, shards: int, add: Callable[[T, T], T]) -> None:
        self.shards = shards
        self.nodes: list[tuple[Node, T]] = []
        self._add = add

    def push(self, node: Node, value: T) -> None:
        """Take in the node that follows those that are there, and add what is complete."""
        while True:
            before = self.nodes[-1] if self.nodes else None
            if before is not None and before[0] == (node.level, node.place - 1) and node.place % 2:
                self.nodes.pop()
                node, value = Node(node.level + 1, node.place // 2), self._add(before[1], value)
            elif node.place and not node.place % 2 and self._is_last(node):
                node = Node(node.level + 1, node.place // 2)  # it has no neighbour to the right
            else:
                break
        self.nodes.append((node, value))

    def _is_last(self, node: Node) -> bool:
        return (node.place + 1) << node.level >= self.shards


def nodes_of(shards: int, first: int, last: int) -> list[Node]:
    """Return the nodes that the shards from `first` to before `last` make, of all `shards`."""
    sums: Sums[None] = Sums(shards, lambda _left, _right: None)
    for shard in range(first, last):
        sums.push(Node(0, shard), None)
    return [node for node, _ in sums.nodes]


def total(values: Iterable[T], add: Callable[[T, T], T]) -> T:
    """Return the sum of all shards' values, which come in their order."""
    each = list(values)
    sums = Sums(len(each), add)
    for shard, value in enumerate(each):
        sums.push(Node(0, shard), value)
    ((_, value),) = sums.nodes
    return value
