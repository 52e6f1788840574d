"""Activations as formulas and as functions of float64."""

from __future__ import annotations

from collections.abc import Callable
from math import erfc, sqrt
from typing import Any

import numpy as np

from cnnlite import layers

__all__ = ["ACTIVATIONS"]

Array = np.ndarray


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _gelu(x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x * _normal_cdf(x)


def _normal_cdf(x: Array) -> Array:
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
