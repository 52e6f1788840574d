"""Which numbers were computed from one: the way of its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnlite.layers.trace import Ran
from cnnlite.quiet import quiet
from cnnlite.report.inside.known import rule_of
from cnnlite.report.inside.rules import (
    Activation,
    Affine,
    Maximum,
    Mix,
    Sum,
    Weighted,
    as_images,
)
from cnnlite.report.inside.seen_by import Patch, kernel_of, place_in, scale_and_shift

__all__ = ["WayBack", "way_back"]


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
    channel, row, column = at = place_in("way_back", place, ran.x, image)
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
        won = [kernel_of(rule, Patch.of(rule, x, place), place) for place in places]
        weights = np.array([k[0, a, b] for k, (a, b) in zip(won, taps, strict=True)])
        return WayBack(outputs, taps, alone, weights.reshape(-1, 1))
    x_shape, y_shape = as_images(ran.x).shape[1:], as_images(ran.y).shape[1:]
    target = [int(i) for i in np.unravel_index(np.ravel_multi_index(at, x_shape), y_shape)]
    factor = 1.0
    if isinstance(rule, Affine):
        factor = scale_and_shift(rule, image, at, x_shape)[0]
    elif isinstance(rule, Activation):
        dx, _ = ran.layer.backward(np.ones_like(ran.y), ran.cache)
        factor = float(as_images(dx)[(image, *at)])
    return WayBack(np.array([target[1:]]), none, np.array(target[:1]), np.array([[factor]]))
