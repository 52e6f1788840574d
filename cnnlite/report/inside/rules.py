"""What each layer computes, in a form in which single numbers can be followed.

There are few kinds: weighted sums over windows (convolutions, linear layers), means and other fixed
mixtures of a channel's pixels (average pooling, resampling), maxima, scale and shift
(normalisations), functions of one number (activations), and sums of two branches.  All see images
(N, C, H, W); what has fewer axes is an image of one row, or of one pixel (`as_images`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnlite import layers
from cnnlite.layers.trace import Ran
from cnnlite.models import ZeroPadShortcut
from cnnlite.quiet import quiet
from cnnlite.report.inside import windows
from cnnlite.report.inside.windows import NO_TAP, Windows

__all__ = [
    "ACTIVATIONS", "Activation", "Affine", "Maximum", "Mix", "Rule", "Same", "Sum", "Weighted",
    "as_images", "rule_of",
]  # fmt: skip

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Weighted:
    """y[f] = sum over taps of weight[f] times the patch, plus bias[f].

    Attributes:
        windows: what each output sees.
        weight: (F, C / groups, KH, KW).
        bias: (F,) or None.
        groups: parts that channels and filters are split into.
    """

    windows: Windows
    weight: Array
    bias: Array | None
    groups: int = 1

    def channels(self, output: int) -> range:
        """Return the input channels that an output channel sees."""
        each = self.weight.shape[1]
        group = output // (len(self.weight) // self.groups)
        return range(group * each, (group + 1) * each)


@dataclass(frozen=True, eq=False)
class Mix:
    """y[c] = sum over taps of rows[oh, kh] columns[ow, kw] x[c], with fixed numbers.

    Attributes:
        windows: what each output sees.
        rows, columns: float64, what each tap of the windows' tables counts.
        channels: integers (F,): the input channel of each output channel, -1 for none.
    """

    windows: Windows
    rows: Array
    columns: Array
    channels: Array


@dataclass(frozen=True, eq=False)
class Maximum:
    """y[c] is the largest pixel of its window; padding never is.  Of equal ones it is the first."""

    windows: Windows


@dataclass(frozen=True, eq=False)
class Affine:
    """y = (x - mean) / sqrt(variance + eps) * weight + bias.

    Attributes:
        mean, variance: float64, broadcast to x (N, C, H, W).
        weight, bias: broadcast to (C, H, W); None where there is none.
        eps: a number.
        measured: whether they are of the image itself, not running statistics.
    """

    mean: Array
    variance: Array
    weight: Array | None
    bias: Array | None
    eps: float
    measured: bool


@dataclass(frozen=True, eq=False)
class Activation:
    """y = f(x), number by number.

    Attributes:
        name: the class.
        formula: f, as text.
        settings: numbers in it.
        function: f, of float64.
    """

    name: str
    formula: str
    settings: Mapping[str, Any]
    function: Callable[[Array], Array]


@dataclass(frozen=True)
class Sum:
    """y = body(x) + shortcut(x)."""


@dataclass(frozen=True)
class Same:
    """y has x's numbers, maybe in another shape."""


Rule = Weighted | Mix | Maximum | Affine | Activation | Sum | Same


def as_images(values: Array) -> Array:
    """Return (N, D), (N, C, L) or (N, C, H, W) as (N, C, H, W).

    Raises:
        ValueError: other shapes.
    """
    if values.ndim == 4:
        return values
    if values.ndim == 3:
        return values[:, :, None]
    if values.ndim == 2:
        return values[:, :, None, None]
    raise ValueError(f"expected (N, D), (N, C, L) or (N, C, H, W), got {values.shape}")


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
    axes = (0, 2, 3) if isinstance(ran.layer, layers.BatchNorm1d | layers.BatchNorm2d) else (2, 3)
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


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _gelu(x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x * _normal_cdf(x)


def _normal_cdf(x: Array) -> Array:
    from math import erfc, sqrt

    return np.vectorize(lambda value: 0.5 * erfc(-value / sqrt(2)), otypes=[np.float64])(x)


ACTIVATIONS: dict[Any, tuple[str, Callable[..., Array]]] = {
    layers.ReLU: ("max(x, 0)", lambda x: np.maximum(x, 0)),
    layers.LeakyReLU: (
        "x where x > 0, else slope x",
        lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
    ),
    layers.ReLU6: ("min(max(x, 0), 6)", lambda x: np.clip(x, 0, 6)),
    layers.Sigmoid: ("1 / (1 + exp(-x))", _sigmoid),
    layers.Tanh: ("tanh(x)", np.tanh),
    layers.Softsign: ("x / (1 + |x|)", lambda x: x / (1 + np.abs(x))),
    layers.SiLU: ("x / (1 + exp(-x))", lambda x: x * _sigmoid(x)),
    layers.GELU: ("x P(Z <= x), Z standard normal", _gelu),
    layers.Hardswish: ("x min(max(x + 3, 0), 6) / 6", lambda x: x * np.clip(x + 3, 0, 6) / 6),
    layers.ELU: (
        "x where x > 0, else alpha (exp(x) - 1)",
        lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    ),
    layers.Mish: ("x tanh(log(1 + exp(x)))", lambda x: x * np.tanh(np.logaddexp(0, x))),
}
"""By class, the formula and the function, which is given the layer's settings."""

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
