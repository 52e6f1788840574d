"""What runs inside a network: each layer's forward, with its input and its output."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

__all__ = ["Ran", "exchanged", "run_noting", "trace"]

Result = tuple[np.ndarray, Any]
Forward = Callable[..., Result]


class Network(Protocol):
    """What is asked of a layer here; `Layer` is above."""

    def forward(self, x: np.ndarray, train: bool, rng: Any) -> Result: ...
    def children(self) -> Mapping[str, Any]: ...


class Ran(NamedTuple):
    """A layer of a network, as it ran.

    Attributes:
        path: its name in the network, dotted as in the keys of `params`; "" for the network itself.
            A layer that stands twice has the name of each place in turn.
        layer: the layer, of the copy that ran.
        x: what went in.
        y: what came out.
        cache: what its backward needs.
    """

    path: str
    layer: Any
    x: np.ndarray
    y: np.ndarray
    cache: Any


@contextmanager
def exchanged(root: Network, run: Callable[..., Result]) -> Iterator[None]:
    """In the block, have each forward of a network and its layers go through `run`.

    Args:
        root: the network, a copy made for this: its layers do not run together any more.
        run: called with the layer, its forward, and what that is to be called with.
    """
    layers: list[Any] = []
    running: set[int] = set()

    def call(layer: Any, forward: Forward, *args: Any, **kwargs: Any) -> Result:
        if id(layer) in running:  # a forward that calls the other, as most do
            return forward(*args, **kwargs)
        running.add(id(layer))
        try:
            return run(layer, forward, *args, **kwargs)
        finally:
            running.discard(id(layer))

    todo: list[Any] = [root]  # a function that calls itself would be a cycle, which keeps all
    while todo:
        layer = todo.pop()
        if "forward" in vars(layer):
            continue  # it stands twice, and is watched already
        if hasattr(layer, "fuse"):
            layer.fuse = False
        # A layer that can do post-ops is called as in inference by its forward_post.
        for name in ("forward", "forward_post"):
            if hasattr(layer, name):
                setattr(layer, name, partial(call, layer, getattr(layer, name)))
        layers.append(layer)
        todo += layer.children().values()
    try:
        yield
    finally:
        for layer in layers:  # else a cycle would keep all that ran
            for name in ("forward", "forward_post"):
                vars(layer).pop(name, None)


def run_noting(
    model: Network,
    x: np.ndarray,
    note: Callable[[Ran], None],
    train: bool = False,
    rng: Any = None,
) -> Result:
    """Run a network, one layer after the other, and return its output and its cache.

    Args:
        model: the network, a copy made for this: its layers do not run together any more.
        x: a batch.
        note: called after each layer, those of a container before the container.
        train, rng: as forward takes them.
    """
    places: dict[int, list[str]] = defaultdict(list)
    _add_paths(model, "", places)

    def run(layer: Any, forward: Forward, x: np.ndarray, *args: Any, **kwargs: Any) -> Result:
        y, cache = forward(x, *args, **kwargs)
        paths = places[id(layer)]
        note(Ran(paths.pop(0) if len(paths) > 1 else paths[0], layer, x, y, cache))
        return y, cache

    with exchanged(model, run):
        return model.forward(x, train, rng)


def trace(model: Network, x: np.ndarray) -> list[Ran]:
    """Run a copy of a network as in inference, and return all that ran in it.

    Args:
        model: any layer; it stays as it is.
        x: a batch that it takes.

    Returns:
        A `Ran` for each run of each layer, in the order in which they ended: a container comes
        after its layers, the network itself (path "") is the last.
    """
    found: list[Ran] = []
    run_noting(copy.deepcopy(model), x, found.append)
    return found


def _add_paths(layer: Network, path: str, places: dict[int, list[str]]) -> None:
    places[id(layer)].append(path)
    for name, child in layer.children().items():
        _add_paths(child, f"{path}.{name}" if path else name, places)
