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

from cnnlite.report.inside.windows import Windows

__all__ = [
    "Activation", "Affine", "Maximum", "Mix", "Rule", "Same", "Sum", "Weighted", "as_images",
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
