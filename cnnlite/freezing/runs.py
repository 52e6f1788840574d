"""Layers that run as one call into C, with a plan for each shape that comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from cnnlite import layers
from cnnlite.backend import kernels
from cnnlite.checks.arrays import contiguous
from cnnlite.freezing.inference import FrozenConv2d, FrozenLinear, Windows
from cnnlite.layers import Layer, Residual, Sequential
from cnnlite.layers.base import Grads
from cnnlite.random import RngLike

Plan = Callable[[np.ndarray], np.ndarray] | int
"""What computes an output, or the number of parts that a batch goes through in."""

MOST_PLANS = 8
"""Of a run; the oldest makes room for a new one."""

MOST_BYTES, LEAST_IMAGES = 4 << 20, 16
"""A batch whose arrays between the layers exceed so many bytes goes through in parts, so that they
stay in a cache; but no part is made smaller than so many images."""

ALWAYS = {
    FrozenLinear, Windows, layers.BatchNorm1d, layers.BatchNorm2d, layers.Flatten, layers.ReLU,
}  # fmt: skip
RUNGS = ("auto", "tiled", "winograd", "depthwise")


def in_runs(parts: list[Layer]) -> list[Layer]:
    """Return the same layers, those in a row that kernels of the engine do as one run."""
    found: list[Layer] = []
    for recordable, group in groupby(parts, is_recordable):
        members = list(group)
        found += [Run(*members)] if recordable else map(_with_inner_runs, members)
    return found


def is_recordable(layer: Layer) -> bool:
    """Return whether inference by this layer calls kernels of the engine and nothing else.

    `kernels.record` needs that.  Only layers of `folded` are asked: an own class never does.
    """
    kind: Any = type(layer)
    if kind in (Sequential, Residual):
        return all(map(is_recordable, layer.children().values()))
    if kind in (FrozenConv2d, layers.Conv1d):
        return layer.padding_mode == "zeros" and layer.algorithm in RUNGS  # type: ignore[attr-defined]
    if kind is layers.GELU:
        return layer.approximate == "none"  # type: ignore[attr-defined]
    if kind is layers.MaxPool2d:
        return layer.post_op is not None  # type: ignore[attr-defined]
    return kind in ALWAYS


def is_separate(layer: Layer) -> bool:
    """Return whether an image's output does not depend on the other images of the batch."""
    if isinstance(layer, layers.BatchNorm1d | layers.BatchNorm2d | layers.SyncBatchNorm):
        return "running_mean" in layer.buffers
    if isinstance(layer, layers.Flatten):
        return layer.start_dim > 0
    return all(map(is_separate, layer.children().values()))


def _with_inner_runs(layer: Layer) -> Layer:
    """Return a residual block that is no run with runs inside, any other layer as it is."""
    if type(layer) is not Residual:
        return layer
    short = None if layer.shortcut is None else Sequential(*in_runs([*layer.shortcut]))  # type: ignore[misc]
    return Residual(Sequential(*in_runs([*layer.body])), short)  # type: ignore[misc]


class Run(Layer):
    """Layers that run as one.

    A plan is made when a shape comes for the first time, by the layers themselves, who also check
    x.  Nothing else changes in a run, so threads share it without a lock.
    """

    def __init__(self, *parts: Layer) -> None:
        self._network = Sequential(*parts)
        self._separate = all(map(is_separate, parts))
        self.plans: dict[Any, Plan] = {}
        self._kept: dict[Any, Any] = {}

    def __call__(self, x: np.ndarray) -> np.ndarray:
        key = getattr(x, "shape", None), getattr(x, "dtype", None)
        plan = self.plans.get(key)
        if plan is None:
            plan = self._plan(key, x)
        if isinstance(plan, int):
            return np.concatenate([self(part) for part in np.array_split(x, plan)])
        return plan(contiguous(x) if isinstance(x, np.ndarray) else x)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, None]:
        return self(x), None

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        raise NotImplementedError

    def _plan(self, key: Any, x: np.ndarray) -> Plan:
        """Return how the output of what is like x is computed, and keep it for the next time."""
        if not isinstance(x, np.ndarray) or not x.size:
            return self._network
        try:
            plan: Plan = kernels.record(self._network, contiguous(x), self._kept)
        except MemoryError:  # all arrays between the layers exist at once while it records
            return self._network
        size = getattr(plan, "between", 0)
        if self._separate and size > MOST_BYTES and len(x) > LEAST_IMAGES:
            images = max(LEAST_IMAGES, len(x) * MOST_BYTES // size)
            plan = -(-len(x) // images)
        kept = list(self.plans.items())[1 - MOST_PLANS :]
        self.plans = dict([*kept, (key, plan)])
        return plan

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "plans": {}, "_kept": {}}

    def children(self) -> Mapping[str, Layer]:
        return {}

    def __repr__(self) -> str:
        return repr(self._network)
