"""Activations."""

import numpy as np

from cnnlite import layers as nn
from cnnlite.catalogue.entry import Entry, Example, Export, Graph, Node, example
from cnnlite.catalogue.twins import same

__all__ = ["ENTRIES"]


def _silu(g: Graph, layer: nn.SiLU, x: str) -> str:
    return g.node("Mul", [x, g.node("Sigmoid", [x])])


def _relu6(g: Graph, layer: nn.ReLU6, x: str) -> str:
    return g.node("Clip", [x, *(g.constant(np.array(end, g.dtype)) for end in (0, 6))])


def _entry(kind: type[nn.Layer], operation: str, node: Export, *more: Example) -> Entry:
    """Return an entry whose operation and twin take the layer's arguments; defaults come first."""
    examples = (example(title=kind.__name__), *more)
    return Entry(kind, "activations", examples, same(kind), node, operation)


ENTRIES = [
    _entry(nn.ReLU, "relu", Node("Relu")),
    _entry(
        nn.LeakyReLU, "leaky_relu", Node("LeakyRelu", {"alpha": "negative_slope"}),
        *(example(slope) for slope in (0.2, 0.0, 0.7, -0.5)),
    ),
    _entry(nn.Sigmoid, "sigmoid", Node("Sigmoid")),
    _entry(nn.Tanh, "tanh", Node("Tanh")),
    _entry(nn.Softsign, "softsign", Node("Softsign")),
    _entry(
        nn.GELU, "gelu", Node("Gelu", {"approximate": "approximate"}),
        example(approximate="tanh", title="GELU tanh"),
    ),
    _entry(nn.SiLU, "silu", _silu),
    _entry(nn.ReLU6, "relu6", _relu6),
    _entry(nn.Hardswish, "hardswish", Node("HardSwish")),
    _entry(
        nn.ELU, "elu", Node("Elu", {"alpha": "alpha"}),
        *(example(alpha) for alpha in (0.3, 0.0, 2.0, -1.0)),
    ),
    _entry(nn.Mish, "mish", Node("Mish")),
]  # fmt: skip
