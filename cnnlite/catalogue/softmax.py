"""Softmax along an axis, and its logarithm."""

from cnnlite import layers as nn
from cnnlite.catalogue.entry import ODD, Entry, Node, example
from cnnlite.catalogue.twins import same

__all__ = ["ENTRIES"]


def _entry(kind: type[nn.Layer], operation: str, node: str) -> Entry:
    examples = (example(1, title=kind.__name__), example(dim=-1, shape=ODD), example(2, shape=ODD))
    return Entry(kind, "softmax", examples, same(kind), Node(node, {"axis": "dim"}), operation)


ENTRIES = [
    _entry(nn.Softmax, "softmax", "Softmax"),
    _entry(nn.LogSoftmax, "log_softmax", "LogSoftmax"),
]
