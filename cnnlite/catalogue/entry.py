"""What an entry of the catalogue is made of."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from cnnlite.catalogue.twins import Twin
from cnnlite.layers import Layer

__all__ = ["ODD", "ROWS", "Entry", "Example", "Export", "Graph", "Node", "example"]

IMAGES, ODD, ROWS = (2, 4, 6, 6), (3, 4, 5, 6), (3, 4, 9)


class Example(NamedTuple):
    """One way to make a layer."""

    args: tuple[Any, ...]
    settings: Mapping[str, Any]
    shape: tuple[int, ...]  # of an input that it takes
    gives: tuple[int, ...]  # the shape of its output
    title: str  # its name in `cnnlite gradcheck`; "": not listed there
    lacks: str  # what ONNX has no counterpart for, as docs/use/layers.md says it; "": it has all

    def __str__(self) -> str:
        words = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.settings.items())]
        return ", ".join(words)


def example(
    *args: Any,
    shape: tuple[int, ...] = IMAGES,
    gives: tuple[int, ...] | None = None,
    title: str = "",
    lacks: str = "",
    **settings: Any,
) -> Example:
    """Return an example with the constructor's arguments as they are written in a call.

    Args:
        args, settings: those arguments.
        shape, gives, title, lacks: the fields of `Example`; gives is None for shape.
    """
    return Example(args, settings, shape, shape if gives is None else gives, title, lacks)


class Graph(Protocol):
    """An ONNX graph in the making, as an entry sees it."""

    dtype: np.dtype
    element: int  # the dtype's number in ONNX

    def constant(self, array: np.ndarray) -> str:
        """Add an array and return its name."""

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""


Export = Callable[[Graph, Any, str], str]
"""Adds a layer to a graph, with the name of its input, and returns that of its output."""


@dataclass(frozen=True)
class Node:
    """A single ONNX node: its attributes, each by the name of the layer's own."""

    kind: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, graph: Graph, layer: Any, x: str) -> str:
        given = {theirs: getattr(layer, ours) for theirs, ours in self.attributes.items()}
        return graph.node(self.kind, [x], **given)


@dataclass(frozen=True)
class Entry:
    """A layer, and what its readers need: gradient checks, interop, ONNX, tests and docs."""

    layer: type[Layer]
    family: str  # its row in the table of docs/use/layers.md
    examples: tuple[Example, ...]
    twin: Twin | None = None  # PyTorch's; None: interop takes it apart
    onnx: Export | None = None  # likewise
    operation: str = ""  # the pair in functional that forward and backward hand their calls to

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.__name__

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The arguments of its constructor."""
        return inspect.signature(self.layer).parameters

    @property
    def axes(self) -> int:
        """How many axes its first example's input has besides batch and channels."""
        return len(self.examples[0].shape) - 2

    @property
    def plain(self) -> bool:
        """Whether the operation takes x and the layer's arguments, and nothing else."""
        return bool(self.operation) and "dtype" not in self.parameters and not self.layer.random

    def make(self, case: Example, dtype: npt.DTypeLike = np.float32) -> Layer:
        """Return the example's layer, with the same first weights each time."""
        settings: dict[str, Any] = copy.deepcopy({"args": case.args, **case.settings})
        args = settings.pop("args")
        if "dtype" in self.parameters:
            settings |= {"dtype": dtype, "rng": 0}
        return self.layer(*args, **settings)
