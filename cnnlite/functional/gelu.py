"""GELU: x times the probability that a normal number is smaller than x."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cnnlite.backend import kernels
from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import choice
from cnnlite.functional.activations import prepare, prepare_gradient
from cnnlite.functional.elementary import exp, tanh
from cnnlite.quiet import quiet

__all__ = ["GELUCache", "gelu_forward", "gelu_backward"]

# The tanh form: tanh(a * (x + b*x^3)), Hendrycks and Gimpel 2016, section 2.
_A = math.sqrt(2 / math.pi)
_B = 0.044715
_FLAT = 1e3
APPROXIMATIONS = ("none", "tanh")


class GELUCache(NamedTuple):
    """What the backward pass of GELU needs."""

    x: Array
    approximate: str


@quiet
def gelu_forward(x: Array, approximate: str = "none") -> tuple[Array, GELUCache]:
    """Compute x * P(normal < x); `torch.nn.functional.gelu`.

    Args:
        x: any shape, float32 or float64.
        approximate: "none" for the exact function, "tanh" for its approximation by tanh.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: x is not float32 or float64.
        ValueError: another approximate.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """
    choice("GELU", "approximate", approximate, APPROXIMATIONS)
    x, y = prepare("GELU", x)
    if approximate == "none":
        kernels.gelu_forward(x, y)
    else:
        np.multiply(x, _probability(x), out=y)
    return y, GELUCache(x, approximate)


@quiet
def gelu_backward(dy: Array, cache: GELUCache) -> Array:
    """Return dx = dy * (P + x * dP/dx), P the probability or its approximation."""
    x = cache.x
    dy, dx = prepare_gradient("GELU", dy, x)
    if cache.approximate == "none":
        kernels.gelu_backward(dy, x, dx)
        return dx
    # Beyond this the density is 0; without the limit inf * 0 would make it NaN.
    near = np.clip(x, -_FLAT, _FLAT)
    fall = exp(-2 * np.abs(_inner(near)))  # 1 / cosh^2 = 4 fall / (1 + fall)^2
    density = 2 * _A * (1 + 3 * _B * near * near) * fall / ((1 + fall) * (1 + fall))
    np.multiply(dy, _probability(x) + x * density, out=dx)
    return dx


def _probability(x: Array) -> Array:
    probability: Array = 0.5 * (1 + tanh(_inner(x)))
    return probability


def _inner(x: Array) -> Array:
    inner = np.square(x, out=np.empty_like(x))  # an array, also where x has no axes
    inner *= _B
    inner += 1
    inner *= x
    inner *= _A
    return inner
