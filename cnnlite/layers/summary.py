"""A table of a network: shapes, parameters, arithmetic, and the memory that training keeps."""

import copy
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from cnnlite.checks.numbers import count
from cnnlite.layers.cache_memory import block_of, new_bytes
from cnnlite.layers.notebook import summary_table
from cnnlite.layers.trace import exchanged
from cnnlite.random import Rng
from cnnlite.terminal import fitting, width_of

__all__ = ["Row", "Summary", "summarize"]

Shape = tuple[int, ...]

LABEL_WIDTH = 48
"""Characters of the table's first column; longer names of layers are cut."""

SHORTEST_LABEL = 16
"""To which a narrow terminal may cut them."""


class Network(Protocol):
    """What is asked of a layer here; `Layer`, whose method calls this, is above."""

    params: Any  # its arrays by name
    buffers: Any

    def forward(self, x: np.ndarray, train: bool, rng: Any) -> tuple[np.ndarray, Any]: ...
    def children(self) -> Mapping[str, Any]: ...
    def multiply_adds(self, x_shape: Shape, y_shape: Shape) -> int: ...


@dataclass
class Row:
    """One layer of a network, as it ran.

    Attributes:
        name: its name in the layer around it, "" for the whole network.
        layer: its class, and its arguments if it is a leaf.
        depth: how many layers are around it.
        input_shape, output_shape: with the batch.
        params: numbers that are trained, as far as no row above counts them (a layer that stands
            twice, an array that two layers share); 0 in a container, whose layers have rows.
        multiply_adds: multiplications with an addition each, for the whole batch.
        cache_bytes: memory its cache keeps until backward, as far as no row above keeps it.
    """

    name: str
    layer: str
    depth: int
    input_shape: Shape
    output_shape: Shape = ()
    params: int = 0
    multiply_adds: int = 0
    cache_bytes: int = 0


@dataclass
class Summary:
    """What each layer of a network does and keeps; printing it gives a table.

    The layers ran one by one: where they are fused, caches are smaller than this.

    Attributes:
        input_shape: with the batch.
        rows: a Row for each layer, in the order they ran, containers before their layers.
    """

    input_shape: Shape
    rows: list[Row] = field(default_factory=list)

    @property
    def params(self) -> int:
        """All numbers that are trained."""
        return sum(row.params for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """All multiplications with an addition each, for the whole batch, forwards."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def cache_bytes(self) -> int:
        """All memory that is kept between forward and backward; what is shared counts once."""
        return sum(row.cache_bytes for row in self.rows)

    def __str__(self) -> str:
        lines: list[tuple[str, ...]] = [
            ("layer", "output", "parameters", "multiply-adds", "cache bytes")
        ]
        for row in self.rows:
            label = "  " * row.depth + (f"({row.name}): {row.layer}" if row.name else row.layer)
            label = _cut(label, LABEL_WIDTH)
            numbers = (row.params, row.multiply_adds, row.cache_bytes)
            lines.append((label, str(row.output_shape), *(f"{n:,}" if n else "" for n in numbers)))
        totals = (self.params, self.multiply_adds, self.cache_bytes)
        lines.append(("total", "", *(f"{number:,}" for number in totals)))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        terminal = width_of(sys.stdout)
        shown = fitting(widths, (4, 3, 1), terminal)
        if terminal is not None:  # what is still too much is cut from the names of the layers
            excess = sum(widths[i] + 2 for i in shown) - 2 - terminal
            widths[0] = min(widths[0], max(SHORTEST_LABEL, widths[0] - excess))
        text = [
            "  ".join(
                _cut(line[i], widths[i]).ljust(widths[i]) if i < 2 else line[i].rjust(widths[i])
                for i in shown
            )
            for line in lines
        ]
        rule = "-" * len(text[0])
        return "\n".join([f"input {self.input_shape}", text[0], rule, *text[1:-1], rule, text[-1]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the table for a notebook, in which no column is left out."""
        return summary_table(self.input_shape, self.rows)


def summarize(
    layer: Network, input_shape: Shape, train: bool = True, dtype: Any = np.float32
) -> Summary:
    """Run a copy of the layer once, and note what happens.

    Args:
        layer: a layer or a network; it stays as it is.
        input_shape: with the batch, (N, D) or (N, C, H, W); or without, (D,) or (C, H, W).  What
            the layer does not take so is read the other way: (N, C, L) or (C, L).
        train: whether it runs as in training.
        dtype: of what it gets.

    Returns:
        The summary; without a batch in `input_shape`, for a batch of one.

    Raises:
        TypeError, ValueError: that is no shape, or not one that the layer can take.
    """
    if not isinstance(input_shape, Iterable):
        raise TypeError(f"summary: input_shape is {input_shape!r}, expected a tuple of integers")
    shape = tuple(count("summary", "input_shape", size) for size in input_shape)
    if not 1 <= len(shape) <= 4:
        raise ValueError(
            f"summary: input_shape is {input_shape!r}, expected (D,) or (C, H, W), "
            "with the batch before it or not"
        )
    first, second = sorted((shape, (1, *shape)), key=lambda reading: len(reading) % 2)
    try:
        return _trace(layer, first, train, dtype)
    except ValueError:
        try:
            return _trace(layer, second, train, dtype)
        except ValueError:
            pass
        raise


def _trace(layer: Network, shape: Shape, train: bool, dtype: Any) -> Summary:
    """Run a copy of the layer with an input of that shape, batch included."""
    layer = copy.deepcopy(layer)
    x = Rng(0).generator().standard_normal(shape)
    trace = _Trace(layer, shape)
    with exchanged(layer, trace.run):
        layer.forward(x.astype(dtype), train, Rng(0))
    return trace.summary


class _Trace:
    """Note each forward of a network and its layers, which must be a copy made for this.

    Args:
        root: the network.
        shape: of the input that it is going to get.
    """

    def __init__(self, root: Network, shape: Shape) -> None:
        self.summary = Summary(shape)
        self._around: list[tuple[Network, Counter[int]]] = []  # containers, and what ran in them
        self._counted: set[int] = set()  # parameters of the rows so far
        self._caches: list[Any] = []  # kept: what is freed could come back as something else
        self._blocks = {
            id(block_of(array)[0])
            for arrays in (root.params, root.buffers)
            for array in arrays.values()
        }

    def run(
        self,
        layer: Network,
        forward: Callable[..., tuple[np.ndarray, Any]],
        x: np.ndarray,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[np.ndarray, Any]:
        """Run a layer's forward, and note it."""
        leaf = not layer.children()
        row = Row(
            name=self._name(layer),
            layer=repr(layer) if leaf else type(layer).__name__,
            depth=len(self._around),
            input_shape=x.shape,
        )
        self.summary.rows.append(row)
        self._around.append((layer, Counter()))
        y, cache = forward(x, *args, **kwargs)
        self._around.pop()
        row.output_shape = y.shape
        row.multiply_adds = layer.multiply_adds(x.shape, y.shape)
        if leaf:
            new = {id(a): a.size for a in layer.params.values() if id(a) not in self._counted}
            row.params = sum(new.values())
            self._counted.update(new)
        self._caches.append(cache)
        row.cache_bytes = new_bytes(cache, self._blocks)
        return y, cache

    def _name(self, layer: Network) -> str:
        """Return what the container that runs the layer calls it; of several names the next."""
        if not self._around:
            return ""
        container, runs = self._around[-1]
        names = [name for name, child in container.children().items() if child is layer]
        runs[id(layer)] += 1
        return names[min(runs[id(layer)], len(names)) - 1] if names else "?"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."
