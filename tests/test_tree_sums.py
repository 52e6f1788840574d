"""Sums of shards: their order follows from the number of shards, whoever has computed them."""

import pytest

from cnnlite.tree_sums import Node, Sums, nodes_of, total


def _add(left: str, right: str) -> str:
    return f"({left}+{right})"


@pytest.mark.parametrize(
    ("shards", "expected"),
    [(1, "0"), (3, "((0+1)+2)"), (6, "(((0+1)+(2+3))+(4+5))"), (7, "(((0+1)+(2+3))+((4+5)+6))")],
)
def test_the_order_of_additions(shards: int, expected: str) -> None:
    assert total(map(str, range(shards)), _add) == expected


def test_ranks_make_the_same_tree_of_their_nodes() -> None:
    for shards in range(1, 25):
        whole = total(map(str, range(shards)), _add)
        for ranks in (ranks for ranks in range(1, shards + 1) if shards % ranks == 0):
            each, sums = shards // ranks, Sums(shards, _add)
            for first in range(0, shards, each):
                own = Sums(shards, _add)
                for shard in range(first, first + each):
                    own.push(Node(0, shard), str(shard))
                assert [node for node, _ in own.nodes] == nodes_of(shards, first, first + each)
                for node, value in own.nodes:
                    sums.push(node, value)
            assert [value for _, value in sums.nodes] == [whole], (shards, ranks)
