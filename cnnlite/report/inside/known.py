"""What each layer of the library computed in a run, as a rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnlite import layers
from cnnlite.layers.trace import Ran
from cnnlite.models import ZeroPadShortcut
from cnnlite.quiet import quiet
from cnnlite.report.inside import windows
from cnnlite.report.inside.activations import ACTIVATIONS
from cnnlite.report.inside.rules import (
    Activation,
    Affine,
    Maximum,
    Mix,
    Rule,
    Same,
    Sum,
    Weighted,
    as_images,
)
from cnnlite.report.inside.windows import NO_TAP, Windows

__all__ = ["rule_of"]

Array = np.ndarray


def rule_of(ran: Ran) -> Rule | None:
    """Return what a layer computed in a run; None where it is not known, as in one's own layers.

    A class that derives from one of ours counts as that one if it has the same forward.
    """
    for known, make in _RULES.items():
        kind = type(ran.layer)
        if isinstance(ran.layer, known) and all(
            getattr(kind, name, None) is getattr(known, name, None)
            for name in ("forward", "forward_post", "operation")
        ):
            fits = {ran.x.ndim, ran.y.ndim} <= {2, 3, 4}
            return make(ran) if fits else None
    return None


def _sizes(ran: Ran) -> tuple[tuple[int, int], tuple[int, int]]:
    (_, _, *image), (_, _, *output) = as_images(ran.x).shape, as_images(ran.y).shape
    return (image[0], image[1]), (output[0], output[1])


def _convolution(ran: Ran) -> Weighted:
    layer = ran.layer
    weight = as_images(layer.params["weight"])
    return Weighted(
        windows.of_convolution(layer, *_sizes(ran)), weight, layer.params.get("bias"), layer.groups
    )


def _transposed(ran: Ran) -> Weighted:
    layer = ran.layer
    weight = layer.params["weight"]  # (C, F / groups, KH, KW)
    channels, each = weight.shape[:2]
    parts = weight.reshape(layer.groups, channels // layer.groups, each, *weight.shape[2:])
    turned = parts.swapaxes(1, 2).reshape(-1, channels // layer.groups, *weight.shape[2:])
    place = windows.transposed(layer, *_sizes(ran))
    return Weighted(place, turned, layer.params.get("bias"), layer.groups)


def _linear(ran: Ran) -> Weighted | None:
    if ran.x.ndim != 2:
        return None
    one = np.zeros((1, 1), np.int64)
    weight = as_images(ran.layer.params["weight"])
    return Weighted(Windows(one, one), weight, ran.layer.params.get("bias"))


def _mean(ran: Ran) -> Mix:
    padding = ran.layer.count_include_pad
    return _means(ran, windows.of_pooling(ran.layer, *_sizes(ran)), padding)


def _adaptive_mean(ran: Ran) -> Mix:
    return _means(ran, windows.adaptive(*_sizes(ran)), False)


def _means(ran: Ran, place: Windows, padding: bool) -> Mix:
    """Return the rule of means over windows, in which padding counts or not."""
    weights = []
    for table in place:
        counted = table != NO_TAP if padding else table >= 0
        weights.append((counted & (table >= 0)) / counted.sum(axis=1, keepdims=True))
    return Mix(place, weights[0], weights[1], np.arange(ran.x.shape[1]))


def _resampling(ran: Ran) -> Mix:
    tables, weights = [], []
    for taps in (ran.cache.rows, ran.cache.columns):
        first, weight = taps.first[:, None], taps.weight[:, None]
        if taps.second is None:
            tables.append(first)
            weights.append(np.ones(first.shape))
        else:
            tables.append(np.hstack([first, taps.second[:, None]]))
            weights.append(np.hstack([1 - weight, weight]))
    return Mix(Windows(*tables), weights[0], weights[1], np.arange(ran.x.shape[1]))


def _every_pixel(ran: Ran) -> Mix:
    tables = [np.arange(size)[:, None] * ran.layer.stride for size in _sizes(ran)[1]]
    channels = np.arange(ran.y.shape[1])
    channels = np.where(channels < ran.x.shape[1], channels, -1)
    rows, columns = (np.ones(table.shape) for table in tables)
    return Mix(Windows(*tables), rows, columns, channels)


def _maximum(ran: Ran) -> Maximum:
    return Maximum(windows.of_pooling(ran.layer, *_sizes(ran)))


def _adaptive_maximum(ran: Ran) -> Maximum:
    return Maximum(windows.adaptive(*_sizes(ran)))


def _running(ran: Ran) -> Affine:
    """Batch or instance normalisation, with running statistics where there are any."""
    buffers = ran.layer.buffers
    axes = (
        (0, 2, 3)
        if isinstance(ran.layer, layers.BatchNorm1d | layers.BatchNorm2d | layers.SyncBatchNorm)
        else (2, 3)
    )
    return _normalisation(ran, axes, buffers.get("running_mean"), buffers.get("running_var"))


@quiet
def _normalisation(
    ran: Ran, axes: tuple[int, ...], mean: Array | None = None, variance: Array | None = None
) -> Affine:
    x, layer = as_images(ran.x).astype(np.float64), ran.layer
    measured = mean is None or variance is None
    if mean is None or variance is None:
        mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    else:
        mean, variance = (a.astype(np.float64)[:, None, None] for a in (mean, variance))
    weight, bias = (
        None if array is None else array.reshape(-1, 1, 1)
        for array in (layer.params.get("weight"), layer.params.get("bias"))
    )
    return Affine(mean, variance, weight, bias, layer.eps, measured)


@quiet
def _groups(ran: Ran) -> Affine:
    x = as_images(ran.x).astype(np.float64)
    grouped = x.reshape(len(x), ran.layer.num_groups, -1)
    each = x.shape[1] // ran.layer.num_groups
    mean, variance = (
        np.repeat(values, each, axis=1)[:, :, None, None]
        for values in (grouped.mean(axis=2), grouped.var(axis=2))
    )
    own = _normalisation(ran, (2, 3))
    return Affine(mean, variance, own.weight, own.bias, own.eps, True)


@quiet
def _layer_norm(ran: Ran) -> Affine | None:
    shape, layer = ran.layer.normalized_shape, ran.layer
    if shape != ran.x.shape[1:]:
        return None
    x = ran.x.astype(np.float64).reshape(len(ran.x), -1)
    mean, variance = (v[:, None, None, None] for v in (x.mean(axis=1), x.var(axis=1)))
    weight, bias = (
        None if array is None else as_images(array[None])[0]
        for array in (layer.params.get("weight"), layer.params.get("bias"))
    )
    return Affine(mean, variance, weight, bias, layer.eps, True)


def _activation(ran: Ran) -> Activation:
    known = next(kind for kind in ACTIVATIONS if isinstance(ran.layer, kind))
    formula, function = ACTIVATIONS[known]
    settings = {name: getattr(ran.layer, name) for name in known.settings}
    if settings.get("approximate") == "tanh":
        formula = "0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))"
    return Activation(known.__name__, formula, settings, lambda x: function(x, **settings))


_RULES: dict[Any, Callable[[Ran], Rule | None]] = {
    layers.Conv2d: _convolution,
    layers.Conv1d: _convolution,
    layers.ConvTranspose2d: _transposed,
    layers.Linear: _linear,
    layers.AvgPool2d: _mean,
    layers.AvgPool1d: _mean,
    layers.AdaptiveAvgPool2d: _adaptive_mean,
    layers.MaxPool2d: _maximum,
    layers.MaxPool1d: _maximum,
    layers.AdaptiveMaxPool2d: _adaptive_maximum,
    layers.Upsample: _resampling,
    ZeroPadShortcut: _every_pixel,
    layers.BatchNorm2d: _running,
    layers.SyncBatchNorm: _running,
    layers.BatchNorm1d: _running,
    layers.InstanceNorm2d: _running,
    layers.GroupNorm: _groups,
    layers.LayerNorm: _layer_norm,
    **dict.fromkeys(ACTIVATIONS, _activation),
    layers.Residual: lambda ran: Sum(),
    **dict.fromkeys(
        (layers.Flatten, layers.Identity, layers.Dropout, layers.Dropout2d), lambda ran: Same()
    ),
}
