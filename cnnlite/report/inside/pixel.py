"""How one number of a network was computed, and which numbers were computed from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from cnnlite.checks.numbers import integer
from cnnlite.layers.trace import Ran
from cnnlite.quiet import quiet
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
    rule_of,
)
from cnnlite.report.inside.windows import NO_TAP

__all__ = ["Computation", "WayBack", "branches", "computed", "way_back"]

Place = tuple[int, int, int]
AFFINE = ("mean", "variance", "eps", "weight", "bias")
"""The numbers in the formula of a normalisation."""


@dataclass(frozen=True, eq=False)
class Computation:
    """How one number came about: patch times kernel, summed, plus bias.

    Attributes:
        formula: in words of the layer.
        patch: float64 (C, KH, KW), what the layer saw; 0 where there was padding, or no tap.
        kernel: float64, likewise, what each number was multiplied with.
        channels: integers (C,), where the patch lies in the input.
        rows, columns: integers (KH,) and (KW,), likewise; -1 is padding, -2 no tap at all.
        bias: what was added.
        value: the number, computed here in float64.
        output: the number that the layer has given.
        numbers: what else the formula has.
    """

    formula: str
    patch: np.ndarray
    kernel: np.ndarray
    channels: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    bias: float
    value: float
    output: float
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def products(self) -> np.ndarray:
        """The terms of the sum, float64 (C, KH, KW)."""
        return self.patch * self.kernel


@dataclass(frozen=True, eq=False)
class WayBack:
    """Which outputs one number of the input went into, and with what factor.

    The gradient of that number is the sum of `weights` times the gradients of these outputs.

    Attributes:
        outputs: integers (T, 2): rows and columns of the output.
        taps: integers (T, 2): the kernel's row and column that met the number there.
        channels: integers (F,): channels of the output.
        weights: float64 (T, F).
    """

    outputs: np.ndarray
    taps: np.ndarray
    channels: np.ndarray
    weights: np.ndarray


@quiet
def computed(
    ran: Ran, image: int, place: Sequence[int], runs: Sequence[Ran] = ()
) -> Computation | None:
    """Return how a number of a layer's output was computed; None where the layer is not known.

    Args:
        ran: the layer's run, of `trace`.
        image: which image of the batch.
        place: (channel, row, column) in the output, or as many of them as it has axes.
        runs: the whole trace, for the branches of a Residual.

    Raises:
        ValueError: there is no such number, or a Residual's branches are not among the runs.
    """
    channel, row, column = at = _place("computed", place, ran.y, image)
    output = float(as_images(ran.y)[(image, *at)])
    rule = rule_of(ran)
    if rule is None:
        return None
    x = as_images(ran.x)[image].astype(np.float64)
    bias, numbers, kernel = 0.0, dict[str, float](), np.ones((1, 1, 1))
    if isinstance(rule, Weighted | Mix | Maximum):
        seen = _Seen.of(rule, x, at)
        kernel, bias = _kernel(rule, seen, at), _bias(rule, channel)
    elif isinstance(rule, Sum):
        both = np.array([as_images(y)[(image, *at)] for y in branches(ran, runs)], np.float64)
        places = (np.array(place) for place in ([channel, channel], [row], [column]))
        seen, kernel = _Seen(both.reshape(2, 1, 1), *places), np.ones((2, 1, 1))
    else:
        number = np.ravel_multi_index(at, as_images(ran.y).shape[1:])
        source = tuple(int(i) for i in np.unravel_index(number, x.shape))
        seen = _Seen(x[source].reshape(1, 1, 1), *(np.array([i]) for i in source))
        if isinstance(rule, Affine):
            scale, bias, numbers = _affine(rule, image, at, x.shape)
            kernel = np.full((1, 1, 1), scale)
    # Of a maximum only the largest counts: what is infinite beside it must not become NaN.
    counted = seen.taps & ((kernel != 0) | (not isinstance(rule, Maximum)))
    value = float(np.where(counted, seen.patch * kernel, 0).sum() + bias)
    if isinstance(rule, Maximum) and not seen.inside.any():
        value = -np.inf
    if isinstance(rule, Activation):
        value = float(rule.function(np.array(value)))
        numbers = {key: v for key, v in rule.settings.items() if isinstance(v, int | float)}
    return Computation(_formula(rule), seen.patch, kernel, *seen[1:], bias, value, output, numbers)


@quiet
def way_back(ran: Ran, image: int, place: Sequence[int]) -> WayBack | None:
    """Return what a number of a layer's input went into.

    None where the layer is not known, where all outputs depend on the number (a normalisation by
    the image's own statistics), and for a Residual, whose input goes to the layers in it.

    Args:
        ran: the layer's run, of `trace`.
        image: which image of the batch.
        place: (channel, row, column) in the input, or as many of them as it has axes.

    Raises:
        ValueError: there is no such number.
    """
    channel, row, column = at = _place("way_back", place, ran.x, image)
    rule = rule_of(ran)
    if rule is None or isinstance(rule, Sum) or (isinstance(rule, Affine) and rule.measured):
        return None
    alone, none = np.array([channel]), np.zeros((1, 2), np.int64)
    if isinstance(rule, Weighted | Mix | Maximum):
        outputs, taps = rule.windows.over(row, column)
        if isinstance(rule, Weighted):
            seen = [f for f in range(len(rule.weight)) if channel in rule.channels(f)]
            own = rule.channels(seen[0]).index(channel)
            weights = rule.weight[seen][:, own, taps[:, 0], taps[:, 1]].T
            return WayBack(outputs, taps, np.array(seen), weights.astype(np.float64))
        if isinstance(rule, Mix):
            to = np.flatnonzero(rule.channels == channel)
            factors = rule.rows[outputs[:, 0], taps[:, 0]] * rule.columns[outputs[:, 1], taps[:, 1]]
            return WayBack(outputs, taps, to, np.repeat(factors[:, None], len(to), axis=1))
        x = as_images(ran.x)[image].astype(np.float64)
        places = [(channel, int(r), int(c)) for r, c in outputs]
        won = [_kernel(rule, _Seen.of(rule, x, place), place) for place in places]
        weights = np.array([k[0, a, b] for k, (a, b) in zip(won, taps, strict=True)])
        return WayBack(outputs, taps, alone, weights.reshape(-1, 1))
    x_shape, y_shape = as_images(ran.x).shape[1:], as_images(ran.y).shape[1:]
    target = [int(i) for i in np.unravel_index(np.ravel_multi_index(at, x_shape), y_shape)]
    factor = 1.0
    if isinstance(rule, Affine):
        factor = _affine(rule, image, at, x_shape)[0]
    elif isinstance(rule, Activation):
        dx, _ = ran.layer.backward(np.ones_like(ran.y), ran.cache)
        factor = float(as_images(dx)[(image, *at)])
    return WayBack(np.array([target[1:]]), none, np.array(target[:1]), np.array([[factor]]))


def branches(ran: Ran, runs: Sequence[Ran]) -> tuple[np.ndarray, np.ndarray]:
    """Return what the two branches of a Residual gave: body, and shortcut.

    Raises:
        ValueError: they are not among the runs.
    """
    found = {}
    for other in runs:
        if other is ran:
            break
        found[other.path] = other.y
    prefix = f"{ran.path}." if ran.path else ""
    body = found.get(f"{prefix}body")
    if body is None:
        raise ValueError(f"computed: runs has no {prefix}body, a branch of {ran.path or 'it'}")
    return body, ran.x if ran.layer.shortcut is None else found[f"{prefix}shortcut"]


def _place(name: str, place: Sequence[int], array: np.ndarray, image: int) -> Place:
    """Return a place as (channel, row, column), once it is in the array (N, ...)."""
    shape = array.shape
    inside = len(place) == len(shape) - 1 and all(
        0 <= integer(name, "place", at) < size for at, size in zip(place, shape[1:], strict=True)
    )
    if not inside or not 0 <= integer(name, "image", image) < shape[0]:
        raise ValueError(f"{name}: place is {tuple(place)} of image {image}, the array {shape}")
    at = [int(i) for i in place]
    channel, *rest = at
    row, column = {0: (0, 0), 1: (0, *rest), 2: tuple(rest)}[len(rest)]
    return channel, row, column


class _Seen(NamedTuple):
    """What an output sees of an image (C, H, W), and where that lies."""

    patch: np.ndarray  # 0 where there is padding, or no tap
    channels: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def of(cls, rule: Weighted | Mix | Maximum, x: np.ndarray, at: Place) -> _Seen:
        channel, row, column = at
        rows, columns = rule.windows.rows[row], rule.windows.columns[column]
        channels = np.array([channel])
        if isinstance(rule, Weighted):
            channels = np.array(rule.channels(channel))
        elif isinstance(rule, Mix):
            channels = rule.channels[[channel]]
        seen = cls(x[np.ix_(channels, rows, columns)], channels, rows, columns)
        return seen._replace(patch=np.where(seen.inside, seen.patch, 0))

    @property
    def inside(self) -> np.ndarray:
        """Where there is a pixel, (C, KH, KW)."""
        pixels = (self.rows >= 0)[:, None] & (self.columns >= 0)
        return (self.channels >= 0)[:, None, None] & pixels

    @property
    def taps(self) -> np.ndarray:
        """Where there is a pixel or padding."""
        return (self.rows != NO_TAP)[:, None] & (self.columns != NO_TAP)


def _kernel(rule: Weighted | Mix | Maximum, seen: _Seen, at: Place) -> np.ndarray:
    """Return what each number of a patch counts, float64."""
    channel, row, column = at
    if isinstance(rule, Weighted):
        return rule.weight[channel].astype(np.float64)
    if isinstance(rule, Mix):
        kernel = (rule.rows[row][:, None] * rule.columns[column])[None]
        return kernel * (rule.channels[channel] >= 0)
    values = np.where(seen.inside, seen.patch, -np.inf)  # of equal ones argmax takes the first
    kernel = np.zeros(values.shape)
    kernel.flat[values.argmax()] = seen.inside.any()
    return kernel


def _bias(rule: Weighted | Mix | Maximum, channel: int) -> float:
    return float(rule.bias[channel]) if isinstance(rule, Weighted) and rule.bias is not None else 0


def _affine(
    rule: Affine, image: int, at: Place, shape: tuple[int, ...]
) -> tuple[float, float, dict[str, float]]:
    """Return scale and shift of a normalisation at a place, and what they are made of."""

    def of(values: np.ndarray | None, otherwise: float = 0.0) -> float:
        if values is None:
            return otherwise
        if values.ndim == 4:  # of each image, or of the batch
            values = values[image if len(values) > 1 else 0]
        return float(np.broadcast_to(values, shape)[at])

    mean, variance = of(rule.mean), of(rule.variance)
    weight, bias = of(rule.weight, 1.0), of(rule.bias)
    scale = float(weight / np.sqrt(variance + rule.eps))
    parts = (mean, variance, rule.eps, weight, bias)
    return scale, bias - mean * scale, dict(zip(AFFINE, parts, strict=True))


def _formula(rule: Rule) -> str:
    if isinstance(rule, Activation):
        return rule.formula
    return _FORMULAS[type(rule)]


_FORMULAS: dict[type, str] = {
    Weighted: "sum of patch x kernel, plus bias",
    Mix: "sum of patch x fixed weights",
    Maximum: "the largest of the patch",
    Affine: "(x - mean) / sqrt(variance + eps) x weight + bias",
    Sum: "body + shortcut",
    Same: "x",
}
