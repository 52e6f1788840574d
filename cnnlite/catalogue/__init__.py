"""The catalogue of layers: one entry each, with examples and the twins of other frameworks.

`cnnlite gradcheck`, the exchanges with PyTorch and ONNX, the judges, the tests of memory orders
and the table in docs/use/layers.md read it.  A new layer is a new entry.
"""

from cnnlite.catalogue import activations, linear, norms, pooling, softmax, windows
from cnnlite.catalogue.entry import Entry, Example, Graph, Node
from cnnlite.layers import Layer

__all__ = ["CATALOGUE", "LAYERS", "Entry", "Example", "Graph", "Node"]

LAYERS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        *windows.ENTRIES, *pooling.ENTRIES, *linear.ENTRIES, *activations.ENTRIES, *softmax.ENTRIES,
        *norms.ENTRIES, *linear.CONTAINERS,
    )
}  # fmt: skip
"""The layers of `cnnlite.layers`, by name."""

CATALOGUE: dict[type[Layer], Entry] = {
    entry.layer: entry for entry in (*LAYERS.values(), linear.SHORTCUT)
}
"""Those, and the layers that networks of the zoo bring along, by type."""
