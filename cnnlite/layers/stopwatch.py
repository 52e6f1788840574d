"""Times what runs inside a network: each pass of each layer, or of layers that run as one."""

from __future__ import annotations

import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from cnnlite.layers.cache_memory import arrays_in, block_of, new_bytes
from cnnlite.post_ops import NO_POST_OPS, PostOps

__all__ = ["BACKWARD", "FORWARD", "RECOMPUTE", "Pass", "Stopwatch"]

FORWARD, BACKWARD, RECOMPUTE = "forward", "backward", "recompute"
METHODS = {
    "forward": FORWARD, "forward_post": FORWARD, "output_again": RECOMPUTE,
    "backward": BACKWARD, "backward_post": BACKWARD, "backward_parts": BACKWARD,
}  # fmt: skip


class Network(Protocol):
    """What is asked of a layer here; `Layer` is above."""

    params: Any
    buffers: Any

    def children(self) -> Mapping[str, Any]: ...


class Pass(NamedTuple):
    """A pass that a layer did, alone or with layers that follow it.

    Attributes:
        direction: FORWARD, BACKWARD or RECOMPUTE.
        paths: the names of the layers in the network, dotted; the first one did the pass.
        layers: these layers.
        seconds: what it took, without the layers in it.
        nbytes: of the arrays that it reads or writes, each counted once; 0 where nobody counted.
        cache_bytes: memory that its cache keeps, as far as no pass before it keeps it; likewise.
        need_dx: of a backward pass, whether it computed the gradient of its input.
    """

    direction: str
    paths: tuple[str, ...]
    layers: tuple[Any, ...]
    seconds: float
    nbytes: int
    cache_bytes: int
    need_dx: bool


class _Output(NamedTuple):
    """An array that a layer made, which is not kept alive for that."""

    array: weakref.ref[np.ndarray]
    nbytes: int


@dataclass
class _Running:
    """A layer whose method runs, and what has run in it so far."""

    layer: Any
    path: str
    tail: tuple[str, ...] = ()  # the layers that run as its post-ops
    inner: float = 0.0  # seconds of the layers in it
    outputs: list[_Output] = field(default_factory=list)  # of these layers
    runs: Counter[int] = field(default_factory=Counter)  # how often each of them ran


class Stopwatch(AbstractContextManager["Stopwatch"]):
    """with Stopwatch(model) as watch: ...  Then `watch.passes` is what ran in the block.

    Layers run as they would without it, with the same results: until the block ends, each layer has
    attributes that stand before its methods.  A container has a pass of its own only where it made
    an array that none of its layers made, as the sum of a Residual.

    Args:
        root: the network.
        count: whether to count bytes too; no pass is charged with the time of that.
    """

    def __init__(self, root: Network, count: bool = False) -> None:
        self.passes: list[Pass] = []
        self._root, self._count = root, count
        self._layers: dict[str, Any] = {}  # by path
        self._stack: list[_Running] = []
        self._tails: dict[str, tuple[str, ...]] = {}  # of each path, as forward went
        self._paths: dict[int, str] = {}  # where each layer ran last
        self._kept: set[int] = set()  # owners of memory that caches keep

    def __enter__(self) -> Self:
        if self._count:
            new_bytes((dict(self._root.params), dict(self._root.buffers)), self._kept)
        todo: list[tuple[str, Any]] = [("", self._root)]
        while todo:
            path, layer = todo.pop()
            self._layers[path] = layer
            todo += [(_join(path, name), child) for name, child in layer.children().items()]
            if any(name in vars(layer) for name in METHODS):
                continue  # it stands twice, and is watched already
            for name, direction in METHODS.items():
                if hasattr(layer, name):
                    watched = partial(self._run, layer, direction, getattr(layer, name))
                    setattr(layer, name, watched)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for layer in self._layers.values():
            for name in METHODS:
                vars(layer).pop(name, None)

    def _run(
        self, layer: Any, direction: str, method: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        stack = self._stack
        if stack and stack[-1].layer is layer:  # a method that calls the other, as most do
            return method(*args, **kwargs)
        around = stack[-1] if stack else None
        running = self._running(layer, direction, around, (*args, *kwargs.values()))
        stack.append(running)
        start = time.perf_counter()
        try:
            result = method(*args, **kwargs)
        finally:
            seconds = time.perf_counter() - start
            stack.pop()
        y = result if direction == RECOMPUTE else result[0]
        leaf = not layer.children()
        if leaf or not (y is None or any(y is made.array() for made in running.outputs)):
            read = (*args, *kwargs.values()) if leaf else args[:1]
            nbytes, kept = self._bytes(running, direction, leaf, read, result)
            need_dx = bool(args[2] if len(args) > 2 else kwargs.get("need_dx", True))
            paths, own = (running.path, *running.tail), seconds - running.inner
            layers = (layer, *(self._layers[path] for path in running.tail))
            self.passes.append(Pass(direction, paths, layers, own, nbytes, kept, need_dx))
        if around is not None:
            if isinstance(y, np.ndarray):
                around.outputs.append(_Output(weakref.ref(y), y.nbytes))
            around.inner += time.perf_counter() - start
        return result

    def _running(
        self, layer: Any, direction: str, around: _Running | None, args: tuple[Any, ...]
    ) -> _Running:
        """Return where a layer runs, and with which others."""
        if direction == RECOMPUTE:  # whichever layer needs its output
            return _Running(layer, self._paths[id(layer)])
        path = "" if around is None else _path(around, layer, direction)
        self._paths[id(layer)] = path
        if direction == FORWARD:
            post = next((arg for arg in args if isinstance(arg, PostOps)), NO_POST_OPS)
            self._tails[path] = _tail(around, path, post) if around and post else ()
        return _Running(layer, path, self._tails.get(path, ()))

    def _bytes(
        self, running: _Running, direction: str, leaf: bool, read: tuple[Any, ...], result: Any
    ) -> tuple[int, int]:
        """Return the bytes that a pass read and wrote, and those that its cache keeps anew."""
        if not self._count:
            return 0, 0
        written = result if leaf or direction == RECOMPUTE else result[0]
        params = dict(running.layer.params) if leaf else {}
        sizes: dict[int, int] = {}
        for array in arrays_in((read, written, params)):
            owner, _ = block_of(array)
            sizes[id(owner)] = max(sizes.get(id(owner), 0), array.nbytes)
        kept = new_bytes(result[1], self._kept) if direction == FORWARD else 0
        inside = 0 if leaf else sum(made.nbytes for made in running.outputs)
        moved = sum(sizes.values()) if len(sizes) > 1 else 0  # a view of x moves nothing
        return moved + inside, kept


def _path(around: _Running, layer: Any, direction: str) -> str:
    """Return the name of a layer in the network; of several places each in turn."""
    names = [name for name, child in around.layer.children().items() if child is layer]
    number = min(around.runs[id(layer)], len(names) - 1)
    around.runs[id(layer)] += 1
    name = (names if direction == FORWARD else names[::-1])[number] if names else "?"
    return _join(around.path, name)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _tail(around: _Running, path: str, post: PostOps) -> tuple[str, ...]:
    """Return the layers that run as post-ops of the one at this path.

    They follow it in its Sequential, or, if it is the last one there, follow that; an addend is the
    sum of the Residual around it.
    """
    prefix, _, name = path.rpartition(".")
    if not hasattr(around.layer, "fuse"):
        return (around.path, *around.tail) if post.addend is not None else around.tail
    names = list(around.layer.children())
    following = names[names.index(name) + 1 :][: len(post.kinds)] if name in names else []
    return tuple(_join(prefix, name) for name in following) or around.tail
