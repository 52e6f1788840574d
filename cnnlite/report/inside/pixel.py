"""How one number of a network was computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnlite.layers.trace import Ran
from cnnlite.quiet import quiet
from cnnlite.report.inside.known import rule_of
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
from cnnlite.report.inside.seen_by import (
    Patch,
    branches,
    kernel_of,
    place_in,
    scale_and_shift,
)

__all__ = ["Computation", "computed"]


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
    channel, row, column = at = place_in("computed", place, ran.y, image)
    output = float(as_images(ran.y)[(image, *at)])
    rule = rule_of(ran)
    if rule is None:
        return None
    x = as_images(ran.x)[image].astype(np.float64)
    bias, numbers, kernel = 0.0, dict[str, float](), np.ones((1, 1, 1))
    if isinstance(rule, Weighted | Mix | Maximum):
        seen = Patch.of(rule, x, at)
        kernel, bias = kernel_of(rule, seen, at), _bias(rule, channel)
    elif isinstance(rule, Sum):
        both = np.array([as_images(y)[(image, *at)] for y in branches(ran, runs)], np.float64)
        places = (np.array(place) for place in ([channel, channel], [row], [column]))
        seen, kernel = Patch(both.reshape(2, 1, 1), *places), np.ones((2, 1, 1))
    else:
        number = np.ravel_multi_index(at, as_images(ran.y).shape[1:])
        source = tuple(int(i) for i in np.unravel_index(number, x.shape))
        seen = Patch(x[source].reshape(1, 1, 1), *(np.array([i]) for i in source))
        if isinstance(rule, Affine):
            scale, bias, numbers = scale_and_shift(rule, image, at, x.shape)
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


def _bias(rule: Weighted | Mix | Maximum, channel: int) -> float:
    return float(rule.bias[channel]) if isinstance(rule, Weighted) and rule.bias is not None else 0


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
