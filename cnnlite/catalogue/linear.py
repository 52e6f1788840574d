"""Linear layers, layers that change the shape alone, and containers."""

import numpy as np

from cnnlite import layers as nn
from cnnlite import models
from cnnlite.catalogue.entry import ODD, Entry, Graph, Node, example
from cnnlite.catalogue.twins import present, same

__all__ = ["CONTAINERS", "ENTRIES", "SHORTCUT"]


def _linear(g: Graph, layer: nn.Linear, x: str) -> str:
    return g.node("Gemm", [x, *(g.constant(array) for array in layer.params.values())], transB=1)


def _flatten(g: Graph, layer: nn.Flatten, x: str) -> str:
    if (layer.start_dim, layer.end_dim) != (1, -1):
        raise ValueError("only the default, which leaves the batch alone, is offered")
    return g.node("Flatten", [x])


def _zero_pad_shortcut(g: Graph, layer: models.ZeroPadShortcut, x: str) -> str:
    start, end, axes, steps = (
        np.array(values, np.int64)
        for values in ([0, 0], [2**31, 2**31], [2, 3], [layer.stride] * 2)
    )
    x = g.node("Slice", [x, *map(g.constant, (start, end, axes, steps))])
    new = layer.out_channels - layer.in_channels
    return g.node("Pad", [x, g.constant(np.array([0] * 5 + [new, 0, 0], np.int64))])


ENTRIES = [
    Entry(
        nn.Linear, "linear",
        (
            example(7, 5, shape=(3, 7), gives=(3, 5), title="Linear"),
            example(4, 3, shape=(5, 4), gives=(5, 3)),
            example(4, 3, bias=False, shape=(5, 4), gives=(5, 3)),
        ),
        same(nn.Linear, bias=present("bias")), _linear, "linear",
    ),
    Entry(
        nn.Flatten, "linear",
        (
            example(gives=(2, 144), title="Flatten"),
            example(shape=ODD, gives=(3, 120)),
            example(2, 3, shape=ODD, gives=(3, 4, 30), lacks="`Flatten` of some axes"),
        ),
        same(nn.Flatten), _flatten,
    ),
    Entry(nn.Identity, "linear", (example(title="Identity"),), same(nn.Identity), Node("Identity")),
]  # fmt: skip

_BODY = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, rng=0), nn.BatchNorm2d(4), nn.Tanh())
CONTAINERS = [
    Entry(nn.Residual, "containers", (example(_BODY, title="Residual"),)),
    Entry(
        nn.Sequential, "containers",
        (example(nn.Flatten(), nn.Linear(144, 3, rng=0), gives=(2, 3), title="Sequential"),),
    ),
]  # fmt: skip

SHORTCUT = Entry(
    models.ZeroPadShortcut, "models", (example(4, 7, 2, shape=ODD, gives=(3, 7, 3, 3)),),
    same(models.ZeroPadShortcut), _zero_pad_shortcut,
)  # fmt: skip
