"""The catalogue's entries, as tests call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

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


def like_images(entry: Entry, x: Any) -> Any:
    """Images as the entry's operation takes them: for one axis, the third row of each."""
    rows = entry.axes == 1 and isinstance(x, np.ndarray) and x.ndim == 4
    return x[:, :, 2] if rows else x


def sizes(make: Any, entry: Entry, example: Example, least: int = 1) -> tuple[int, ...]:
    """Drawn sizes of images: from the example's up where windows must fit, else from `least`."""
    fitting = "kernel_size" in entry.parameters
    return tuple(make.size(n if fitting else least, n + 3) for n in example.shape[2:])


def pairs() -> dict[str, Pair]:
    """Each plain operation of images with each example; a name begins with the operation's."""

    def of_images(entry: Entry, example: Example) -> Pair:
        forward, backward = pair_of(entry, example)
        return lambda x: forward(like_images(entry, x)), backward

    return {
        f"{entry.operation} {example}".rstrip(): of_images(entry, example)
        for entry in PLAIN
        for example in entry.examples
    }


def theirs(torch: Any, operation: str) -> Any:
    """PyTorch's function of that name."""
    if operation in ("softmax", "log_softmax"):  # whose axis has no default but with a warning
        return lambda x, dim=1: getattr(torch, operation)(x, dim)
    return getattr(torch if operation in ("sigmoid", "tanh") else torch.nn.functional, operation)
