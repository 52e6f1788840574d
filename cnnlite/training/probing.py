"""What a network makes of some images at a moment of its training: maps, statistics, gradients.

All is measured on a copy: neither the network nor any random numbers are touched.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from cnnlite import layers
from cnnlite.data import batches
from cnnlite.layers.trace import Ran, run_noting
from cnnlite.quiet import quiet
from cnnlite.random import Rng, own_stream
from cnnlite.training.evaluation import model_dtype
from cnnlite.training.kept import STATISTICS, Kept
from cnnlite.training.splits import sample
from cnnlite.training.state import TrainingState

__all__ = ["measured", "update_ratios"]

SIDE = 32
"""Pixels of a kept map's side; what is larger is shrunk by the means of blocks."""
MAP_BYTES = 2**20
"""Of an epoch's maps; there are maps of fewer layers where all would take more."""
FILTER_NUMBERS = 2**18
IMAGE_BYTES = 2**22
FEWEST, MOST, SHARE = 8, 64, 200
"""Training images that statistics are taken over: one for so many that are evaluated, within
these limits, so that they take a twentieth of the evaluation's time."""
CONVOLUTIONS = (layers.Conv2d, layers.Conv1d, layers.ConvTranspose2d)
PLAIN = (  # what comes out looks like what goes in
    layers.BatchNorm2d, layers.GroupNorm, layers.InstanceNorm2d, layers.LayerNorm,
    layers.Identity, layers.Dropout, layers.Dropout2d,
)  # fmt: skip

Statistics = dict[str, dict[str, float]]


class _Maps(NamedTuple):
    """Some outputs of a layer, as they are kept."""

    path: str
    convolution: bool
    pixels: np.ndarray  # uint8 (K, M, h, w)
    ranges: np.ndarray  # float32 (K, M, 2)


@quiet
def measured(
    solver: TrainingState, images: int, maps: int, ratios: Mapping[str, float] | None = None
) -> Kept:
    """Look at a training's network as it is now.

    Args:
        solver: the training.
        images: how many images of the validation part have their maps kept.
        maps: of a layer, at most.
        ratios: what `update_ratios` gave for the last step; NaN if left out.
    """
    model = copy.deepcopy(solver.model)
    size = max(1, solver.X_val[:1].nbytes)
    index = sample(min(images, max(1, IMAGE_BYTES // size)), len(solver.X_val), solver.seed)
    index = np.arange(len(solver.X_val)) if index is None else index
    x = batches.gather(solver.X_val, index, solver.normalization, model_dtype(model))
    found: list[_Maps] = []
    filters: list[np.ndarray] = []

    def note(ran: Ran) -> None:
        if ran.layer.children() or isinstance(ran.layer, PLAIN):
            return
        convolution = isinstance(ran.layer, CONVOLUTIONS)
        if convolution and not filters:
            filters.append(ran.layer.params["weight"])
        if ran.y.ndim in (3, 4) and ran.y.size:
            y = ran.y[:, :maps]
            y = y if y.ndim == 4 else y[:, :, None]
            found.append(_Maps(ran.path, convolution, *scaled(shrunk(y))))

    scores, _ = run_noting(model, x, note)
    statistics = _statistics(solver, model)
    for path, row in statistics.items():
        row["update_ratio"] = (ratios or {}).get(path, np.nan)
    shown = _within_budget(found)
    return Kept(
        epoch=solver.epoch,
        statistics=statistics,
        images=as_pictures(solver.X_val[index]),
        labels=_labels(solver.y_val[index]),
        scores=scores.astype(np.float32),
        maps={entry.path: entry.pixels for entry in shown},
        ranges={entry.path: entry.ranges for entry in shown},
        filters=_some_filters(filters[0]) if filters else None,
    )


@quiet
def update_ratios(model: Any, before: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return, by layer, the norm of what changed its parameters since, over their own norm.

    Args:
        model: the network.
        before: copies of `model.params`.
    """
    now = model.params
    changes = {key: now[key].astype(np.float64) - before[key] for key in now}
    return {
        path: _norm(changes[key] for key in keys) / (_norm(before[key] for key in keys) or np.nan)
        for path, keys in _own_keys(model).items()
    }


def _statistics(solver: TrainingState, model: Any) -> Statistics:
    """Run some training images forwards and backwards through a copy of the network."""
    evaluated = sum(
        min(number or len(X), len(X))
        for number, X in (
            (solver.num_train_samples, solver.X_train), (solver.num_val_samples, solver.X_val),
        )
    )  # fmt: skip
    number = min(MOST, max(FEWEST, evaluated // SHARE))
    index = sample(number, len(solver.X_train), solver.seed)
    index = np.arange(len(solver.X_train)) if index is None else index
    x = batches.gather(solver.X_train, index, solver.normalization, model_dtype(model))
    statistics: Statistics = {}

    def note(ran: Ran) -> None:
        if ran.layer.children():
            return
        y, others = ran.y, (0, *range(2, ran.y.ndim))
        row = dict.fromkeys(STATISTICS, float("nan"))
        row["mean"], row["std"] = float(y.mean(dtype=np.float64)), float(y.std(dtype=np.float64))
        row["dead"] = float(np.mean(~y.any(axis=others)))
        statistics[ran.path] = row

    with own_stream():
        rng = Rng(solver.seed, solver.step, "keep")
        scores, cache = run_noting(model, x, note, train=True, rng=rng)
        _, loss_cache = solver.loss.forward(scores, solver.y_train[index])
        _, grads = model.backward(solver.loss.backward(loss_cache), cache, need_dx=False)
    for path, keys in _own_keys(model).items():
        given = [grad for key in keys if (grad := grads.get(key)) is not None]
        if given and path in statistics:
            statistics[path]["grad_norm"] = _norm(given)
    return statistics


def _own_keys(model: Any) -> dict[str, list[str]]:
    """Return, by the layers that have parameters, the keys of these in `model.params`."""
    homes = {id(array): key for key, array in model.params.items()}
    return {
        prefix.rstrip("."): [homes[id(array)] for array in leaf.params.values()]
        for prefix, leaf in model.leaves()
        if leaf.params
    }


def _norm(arrays: Iterable[np.ndarray]) -> float:
    squares = (float(np.square(array, dtype=np.float64).sum()) for array in arrays)
    return float(np.sqrt(sum(squares)))


def shrunk(maps: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return maps (K, M, H, W) of at most so many rows and columns: the means of blocks."""
    for axis in (2, 3):
        size = maps.shape[axis]
        step = -(-size // side)
        if step > 1:
            starts = np.arange(0, size, step)
            lengths = np.diff([*starts, size])
            sums = np.add.reduceat(maps, starts, axis, dtype=np.float64)
            maps = sums / (lengths if axis == 3 else lengths[:, None])
    return maps


@quiet
def scaled(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return maps (K, M, h, w) as uint8, each from its minimum to its maximum, and these.

    What is not finite becomes 0; where nothing is finite, minimum and maximum are NaN.
    """
    finite = np.isfinite(maps)
    low = np.where(finite, maps, np.inf).min(axis=(2, 3), keepdims=True).astype(np.float64)
    high = np.where(finite, maps, -np.inf).max(axis=(2, 3), keepdims=True).astype(np.float64)
    span = np.where(high > low, high - low, 1)
    pixels = np.rint(np.where(finite, (maps - low) / span, 0) * 255).astype(np.uint8)
    ranges = np.stack([low, high], axis=-1)[:, :, 0, 0]
    return pixels, np.where(np.isfinite(ranges), ranges, np.nan).astype(np.float32)


def _within_budget(found: list[_Maps]) -> list[_Maps]:
    """Choose layers evenly, convolutions first, so that their maps take MAP_BYTES at most."""
    room, chosen = MAP_BYTES, set()
    for convolution in (True, False):
        group = [i for i, maps in enumerate(found) if maps.convolution is convolution]
        for number in range(len(group), 0, -1):
            picks = {group[i] for i in np.linspace(0, len(group) - 1, number).round().astype(int)}
            size = sum(found[i].pixels.nbytes for i in picks)
            if size <= room:
                chosen |= picks
                room -= size
                break
    return [found[i] for i in sorted(chosen)]


def as_pictures(X: np.ndarray) -> np.ndarray:
    """Return what a network is given as uint8 (K, C, H, W): pixels as they are, floats scaled."""
    if X.ndim != 4:
        X = X.reshape(len(X), 1, -1, X.shape[-1])
    if X.dtype == np.uint8:
        return X.copy()
    return scaled(X.reshape(len(X), 1, 1, -1))[0].reshape(X.shape)


def _labels(y: np.ndarray) -> np.ndarray:
    """Return the class of each target (K,) or (K, classes)."""
    if y.ndim == 1:
        return y.astype(np.int64) if y.dtype.kind in "iu" else np.full(len(y), -1)
    return y.argmax(axis=1) if y.shape[1] > 1 else (y[:, 0] > 0.5).astype(np.int64)


def _some_filters(weight: np.ndarray) -> np.ndarray:
    each = max(1, weight[:1].size)
    return weight[: max(1, FILTER_NUMBERS // each)].astype(np.float32)
