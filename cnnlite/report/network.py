"""What each layer of a network costs, measured."""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from cnnlite.layers import Layer
from cnnlite.layers.summary import Row
from cnnlite.layers.trace import exchanged
from cnnlite.random import Rng
from cnnlite.training.evaluation import model_dtype

__all__ = ["LayerRow", "measure"]

ROUNDS = 5
"""The fastest of so many counts, or of fewer if they take longer than `SECONDS`."""
SECONDS = 2
PIXELS = 2**15
"""Of a batch that is measured, about: 32 images of 32x32."""


class LayerRow(NamedTuple):
    """One layer of a network, as it was measured.

    Attributes:
        name: its path in the network, as in the keys of its parameters ("0", "body.1").
        kind: its class.
        text: the layer as it is printed.
        depth: how many layers are around it.
        shape: of what it gives for one image.
        params: numbers that are trained.
        multiply_adds: multiplications with an addition each, forwards, for one image.
        ms: milliseconds forwards for one image; None for a container.
        backward_ms: the same backwards.
        bytes: what its cache keeps of one image until backward.
    """

    name: str
    kind: str
    text: str
    depth: int
    shape: tuple[int, ...]
    params: int
    multiply_adds: int
    ms: float | None
    backward_ms: float | None
    bytes: int


def measure(model: Layer, image_shape: tuple[int, ...]) -> list[LayerRow]:
    """Run copies of a network, and return what each layer is and costs, in the order they run.

    The layers run one by one, so that each has a time of its own: together they may be faster.

    Args:
        model: any layer that takes images; it stays as it is.
        image_shape: of one image, (C, H, W), or of one row of features.

    Raises:
        ValueError, TypeError: the network does not take such an image.
    """
    # One image is too few for a batch-norm behind a global pooling.
    batch = max(2, min(32, PIXELS // max(1, int(np.prod(image_shape[-2:])))))
    rows = model.summary((batch, *image_shape)).rows
    found = []
    path: list[str] = []
    times = iter(_seconds(model, (batch, *image_shape)))
    for row, next_row in zip(rows, [*rows[1:], None], strict=True):
        path[row.depth :] = [row.name]
        leaf = next_row is None or next_row.depth <= row.depth
        forward, backward = next(times)
        found.append(_measured(row, ".".join(path[1:]), batch, leaf, forward, backward))
    return found


def _measured(
    row: Row, path: str, batch: int, leaf: bool, forward: float, backward: float
) -> LayerRow:
    return LayerRow(
        name=path,
        kind=row.layer.partition("(")[0],
        text=row.layer,
        depth=row.depth,
        shape=row.output_shape[1:],
        params=row.params,
        multiply_adds=row.multiply_adds // batch,
        ms=1e3 * forward / batch if leaf else None,
        backward_ms=1e3 * backward / batch if leaf else None,
        bytes=row.cache_bytes // batch,
    )


def _seconds(model: Layer, shape: tuple[int, ...]) -> list[tuple[float, float]]:
    """Return the seconds forwards and backwards of each layer's runs, in the order they begin."""
    model = copy.deepcopy(model)
    numbers, dtype = Rng(0).generator(), model_dtype(model)
    x = numbers.standard_normal(shape).astype(dtype)
    rounds: list[list[tuple[float, float]]] = []
    with exchanged(model, clock := _Clock()):
        clock.watch_backward(model)
        end = time.perf_counter() + SECONDS
        while len(rounds) < 2 or (len(rounds) <= ROUNDS and time.perf_counter() < end):
            clock.begin()
            y, cache = model.forward(x, True, Rng(0))
            model.backward(numbers.standard_normal(y.shape).astype(dtype), cache)
            rounds.append(list(zip(clock.forward, clock.backward, strict=True)))
    # The first round pays for memory and plans.
    fastest = np.min(np.array(rounds[1:]), axis=0)
    return [(forward, backward) for forward, backward in fastest.tolist()]


class _Clock:
    """Notes how long each run of each layer takes; what `exchanged` calls."""

    def begin(self) -> None:
        """Forget all runs."""
        self.forward: list[float] = []
        self.backward: list[float] = []
        self._open: dict[int, list[int]] = defaultdict(list)  # runs of a layer without a backward

    def __call__(self, layer: Any, forward: Callable[..., Any], *args: Any, **named: Any) -> Any:
        place = len(self.forward)
        self.forward.append(0.0)
        self.backward.append(0.0)
        self._open[id(layer)].append(place)
        start = time.perf_counter()
        result = forward(*args, **named)
        self.forward[place] = time.perf_counter() - start
        return result

    def watch_backward(self, layer: Any) -> None:
        """Have the backward of a network's layers, which is a copy, note its time."""
        if "backward" in vars(layer):
            return
        for child in layer.children().values():
            self.watch_backward(child)
        layer.backward = partial(self._run_backward, layer, layer.backward)

    def _run_backward(
        self, layer: Any, backward: Callable[..., Any], *args: Any, **named: Any
    ) -> Any:
        place = self._open[id(layer)].pop()
        start = time.perf_counter()
        result = backward(*args, **named)
        self.backward[place] = time.perf_counter() - start
        return result
