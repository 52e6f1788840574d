"""The catalogue's entries, as tests call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cnnlite.functional as F
from cnnlite.catalogue import LAYERS, Entry, Example

ACTIVATIONS = [entry for entry in LAYERS.values() if entry.family == "activations"]
PLAIN = [entry for entry in LAYERS.values() if entry.plain]
"""Those with an operation of x and the layer's arguments, which has the same name in PyTorch."""

Pair = tuple[Callable[[Any], tuple[Any, Any]], Callable[[Any, Any], Any]]


def pair_of(entry: Entry, example: Example | None = None) -> Pair:
    """The operation of a plain entry with an example's arguments, or its own defaults."""
    forward, backward = (getattr(F, f"{entry.operation}_{way}") for way in ("forward", "backward"))
    args, settings = (example.args, example.settings) if example else ((), {})
    return lambda x: forward(x, *args, **settings), backward


def pairs() -> dict[str, Pair]:
    """Each plain operation with each of its examples; a name begins with the operation's."""
    return {
        f"{entry.operation} {example}".rstrip(): pair_of(entry, example)
        for entry in PLAIN
        for example in entry.examples
    }


def theirs(torch: Any, operation: str) -> Any:
    """PyTorch's function of that name."""
    return getattr(torch if operation in ("sigmoid", "tanh") else torch.nn.functional, operation)
