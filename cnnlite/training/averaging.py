"""Averaged weights in a training: measured in the model's place, with statistics of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import numpy as np

from cnnlite.checks.numbers import integer, number, shown
from cnnlite.data import batches
from cnnlite.layers import BatchNorm1d, BatchNorm2d, Layer, SyncBatchNorm
from cnnlite.layers.base import expect_layer
from cnnlite.optim import EMA, AveragedWeights
from cnnlite.random import Rng
from cnnlite.training.evaluation import model_dtype
from cnnlite.training.interruption import TrainingDiverged
from cnnlite.training.splits import checked_split, find_normalization
from cnnlite.training.state import Arrays, buffers_put_back

__all__ = ["update_bn"]

BATCH = 128


def update_bn(model: Layer, data: Any, seed: int | None = None) -> None:
    """Make batch-norm's running statistics anew: their plain means over all batches of the data.

    Averaged weights need it, whose statistics are none of those that the training has seen.  A
    model without batch-norm stays as it is, and so do norms whose statistics are frozen.

    Args:
        model: any layer; nothing but its buffers is changed.
        data: batches of x, or pairs whose first is x; or one array of floats (N, ...), which is
            taken 128 at a time; or a data set, whose X_train is taken so, normalised.
        seed: of dropout; None takes the numbers of `cnnlite.manual_seed`.

    Raises:
        TypeError, ValueError: the data is something else, or a batch does not fit the model; the
            statistics are as before.

    Source: torch.optim.swa_utils.update_bn.
    """
    place = None if seed is None else integer("update_bn", "seed", seed)
    expect_layer("update_bn", "model", model)
    if not isinstance(data, Iterable) or isinstance(data, str):
        raise TypeError(f"update_bn: data is {shown(data)}, expected batches, or a data set")
    _remake(model, _batches_of(model, data), place, partial(model.forward, train=True))


def _remake(
    model: Layer, given: Iterable[Any], place: int | None, forward: Callable[..., Any]
) -> None:
    """Do what `update_bn` does with batches that `forward` takes, and where it draws numbers."""
    norms: dict[int, Any] = {
        id(leaf): leaf
        for _, leaf in model.leaves()
        if isinstance(leaf, BatchNorm1d | BatchNorm2d | SyncBatchNorm)
        and leaf.moves_buffers(train=True)
    }
    if not norms:
        return
    momenta = {key: norm.momentum for key, norm in norms.items()}
    taken = 0
    with buffers_put_back(model) as keep:
        try:
            for norm in norms.values():
                norm.momentum = None  # plain means
                for name, start in (("mean", 0), ("var", 1)):
                    norm.buffers[f"running_{name}"][...] = start
                norm.buffers["num_batches_tracked"][...] = 0
            for x in given:
                forward(x, rng=None if place is None else Rng(place, step=taken))
                taken += 1
        finally:
            for key, norm in norms.items():
                norm.momentum = momenta[key]
        if not taken:
            raise ValueError("update_bn: data has no batches")
        keep()


def _batches_of(model: Layer, data: Any) -> Iterator[np.ndarray]:
    if isinstance(data, Mapping):
        X = checked_split(data, "train").X
        yield from _cut(model, X, find_normalization(data, X))
    elif isinstance(data, np.ndarray):
        if data.dtype.kind != "f":
            raise TypeError(
                f"update_bn: data is an array of {data.dtype}, expected floats; pixels are "
                "normalised in a data set: a mapping with X_train and y_train"
            )
        yield from _cut(model, data, None)
    else:
        for batch in data:
            yield batch[0] if isinstance(batch, tuple | list) else batch


def _cut(model: Layer, X: np.ndarray, normalization: Any) -> Iterator[np.ndarray]:
    for start in range(0, len(X), BATCH):
        index = np.arange(start, min(start + BATCH, len(X)))
        yield batches.gather(X, index, normalization, model_dtype(model))


def checked_average(ema: Any, model: Layer) -> AveragedWeights | None:
    """Return Solver's `ema` as an average of this model's weights: a number is the decay of an EMA.

    Raises:
        TypeError, ValueError: it is something else, or the average of another model.
    """
    if isinstance(ema, AveragedWeights):
        ema.check(model)
        return ema
    if ema is None:
        return None
    expected = "the decay of an EMA, a number from 0 to below 1, or an EMA or AveragedWeights"
    decay = number("Solver", "ema", ema, expected)
    if not 0 <= decay < 1:
        raise ValueError(f"Solver: ema is {shown(ema)}, expected {expected}")
    return EMA(decay)


@contextmanager
def average_in_place(
    model: Layer,
    average: AveragedWeights | None,
    training_batches: Callable[[], Iterable[Any]],
    seed: int,
    hold: Callable[[], AbstractContextManager[None]],
    forward: Callable[..., Any],
) -> Iterator[Arrays | None]:
    """Put the averaged weights, if there are any, into the model for the block.

    After TrainingDiverged, which comes with a model that was put back further, it stays so.

    Args:
        model: the model.
        average: the average, or None.
        training_batches: gives batches of training images, for batch-norm's statistics.
        seed: of dropout in these batches.
        hold: a context in which no signal interrupts.
        forward: takes such a batch, and `rng`, through the model as in training.

    Yields:
        A copy of the whole state that the model has in the block; None if it is its own.
    """
    if average is None or not average.n_averaged:
        yield None
        return
    before = model.state_dict()
    try:
        with hold():
            model.load_state_dict(average.state)
        if not average.use_buffers:
            _remake(model, training_batches(), seed, forward)
        yield model.state_dict()
    except TrainingDiverged:
        before = {}
        raise
    finally:
        if before:
            with hold():
                model.load_state_dict(before)
