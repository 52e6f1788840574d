"""Gradients that are ready before the backward pass has ended: who wants to know of them.

On several processes the gradients of the last layers travel while those of the first ones are
still computed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from cnnlite.layers.base import Layer

Ready = Callable[[Layer, Mapping[str, np.ndarray | None]], None]


class _Listening(threading.local):
    ready: Ready | None = None


_listening = _Listening()


def listener() -> Ready | None:
    """Return what a backward pass of this thread calls with each layer and its gradients."""
    return _listening.ready


@contextmanager
def listening(ready: Ready) -> Iterator[None]:
    """In the block, in this thread, call `ready` with each layer that has been gone through."""
    _listening.ready = ready
    try:
        yield
    finally:
        _listening.ready = None


def early(model: Layer) -> set[int]:
    """Return the ids of the arrays whose gradients are final as soon as their layer gives them.

    An array that stands in several places is none of them, as its gradients are added up in the
    end; nor is one in a container of someone's own, which may do anything with them.
    """
    seen = Counter(id(array) for _, leaf in model.leaves() for array in leaf.params.values())
    return {
        id(array)
        for leaf in _plain_leaves(model)
        for array in leaf.params.values()
        if seen[id(array)] == 1
    }


def _plain_leaves(layer: Layer) -> Iterator[Layer]:
    """Yield the leaves that only containers of ours hold, which change no gradient."""
    if "backward_parts" in vars(type(layer)):
        for child in layer.children().values():
            yield from _plain_leaves(child)
    elif type(layer).leaves is Layer.leaves:
        yield layer
