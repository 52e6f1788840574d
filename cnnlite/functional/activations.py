"""Activations: functions of one element, with their derivatives.

NaN goes through all of them, and large arguments neither overflow nor warn.  What a cache holds is
what costs the least memory: the output where it determines the derivative, because the next
layer keeps that array anyway, and the input otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array, check_floats, check_gradient, contiguous
from cnnlite.checks.numbers import real
from cnnlite.functional.elementary import exp, tanh
from cnnlite.quiet import quiet

__all__ = [
    "InputCache",
    "OutputCache",
    "LeakyReLUCache",
    "relu_forward",
    "relu_backward",
    "leaky_relu_forward",
    "leaky_relu_backward",
    "sigmoid_forward",
    "sigmoid_backward",
    "tanh_forward",
    "tanh_backward",
    "softsign_forward",
    "softsign_backward",
    "silu_forward",
    "silu_backward",
]


class OutputCache(NamedTuple):
    """What backward needs where the derivative is a function of the output."""

    y: Array


class InputCache(NamedTuple):
    """What backward needs where the derivative is a function of the input."""

    x: Array


class LeakyReLUCache(NamedTuple):
    """What the backward pass of leaky ReLU needs."""

    signed: Array  # positive where x is: y if it has x's signs, which is free to keep, else x
    negative_slope: float


def relu_forward(x: Array) -> tuple[Array, OutputCache]:
    """Compute max(x, 0); `torch.nn.functional.relu`.

    Args:
        x: any shape, float32 or float64.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: x is not float32 or float64.
    """
    x, y = prepare("ReLU", x)
    kernels.relu_forward(x, y)
    return y, OutputCache(y)


def relu_backward(dy: Array, cache: OutputCache) -> Array:
    """Return dx = dy where y > 0, else 0 (at x = 0 too, as in PyTorch)."""
    dy, dx = prepare_gradient("ReLU", dy, cache.y)
    kernels.relu_backward(dy, cache.y, dx)
    return dx


@quiet
def leaky_relu_forward(x: Array, negative_slope: float = 0.01) -> tuple[Array, LeakyReLUCache]:
    """Compute x where it is positive, else negative_slope * x; `torch.nn.functional.leaky_relu`.

    Args:
        x: any shape, float32 or float64.
        negative_slope: the factor for negative x.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: x is not float32 or float64, or negative_slope is no number.
        ValueError: negative_slope is not finite.
    """
    x, y = prepare("LeakyReLU", x)
    negative_slope = real("LeakyReLU", "negative_slope", negative_slope)
    np.multiply(x, _slopes(x, negative_slope), out=y)
    return y, LeakyReLUCache(y if negative_slope >= 0 else x, negative_slope)


@quiet
def leaky_relu_backward(dy: Array, cache: LeakyReLUCache) -> Array:
    """Return dx = dy where x > 0, else negative_slope * dy."""
    dy, dx = prepare_gradient("LeakyReLU", dy, cache.signed)
    np.multiply(dy, _slopes(cache.signed, cache.negative_slope), out=dx)
    return dx


def _slopes(x: Array, negative_slope: float) -> Array:
    # Looked up by 0 or 1, which has no branches to mispredict (np.where has).
    return np.array([negative_slope, 1], x.dtype).take((x > 0).view(np.uint8))


def sigmoid_forward(x: Array) -> tuple[Array, OutputCache]:
    """Compute 1/(1 + exp(-x)); `torch.sigmoid`.  Args and Returns as in `relu_forward`."""
    x, y = prepare("Sigmoid", x)
    _sigmoid(x, out=y)
    return y, OutputCache(y)


@quiet
def sigmoid_backward(dy: Array, cache: OutputCache) -> Array:
    """Return dx = dy * y * (1 - y)."""
    dy, dx = prepare_gradient("Sigmoid", dy, cache.y)
    np.subtract(1, cache.y, out=dx)
    dx *= cache.y
    dx *= dy
    return dx


@quiet
def _sigmoid(x: Array, out: Array) -> None:
    """Write 1/(1 + e) where x >= 0, else e/(1 + e), with e = exp(-|x|), which cannot overflow."""
    np.abs(x, out=out)
    np.negative(out, out=out)
    exp(out, out=out)
    numerator = np.maximum(out, x >= 0)
    out += 1
    np.divide(numerator, out, out=out)


@quiet
def tanh_forward(x: Array) -> tuple[Array, OutputCache]:
    """Compute tanh(x); `torch.tanh`.  Args and Returns as in `relu_forward`."""
    x, y = prepare("Tanh", x)
    tanh(x, out=y)
    return y, OutputCache(y)


@quiet
def tanh_backward(dy: Array, cache: OutputCache) -> Array:
    """Return dx = dy * (1 - y*y)."""
    dy, dx = prepare_gradient("Tanh", dy, cache.y)
    np.multiply(cache.y, cache.y, out=dx)
    np.subtract(1, dx, out=dx)
    dx *= dy
    return dx


@quiet
def softsign_forward(x: Array) -> tuple[Array, InputCache]:
    """Compute x/(1 + |x|); `torch.nn.functional.softsign`.  Args, Returns: see `relu_forward`.

    Source: Bergstra et al., "Quadratic polynomials learn better image features", 2009.
    """
    x, y = prepare("Softsign", x)
    np.abs(x, out=y)
    y += 1
    np.divide(x, y, out=y)
    return y, InputCache(x)


@quiet
def softsign_backward(dy: Array, cache: InputCache) -> Array:
    """Return dx = dy / (1 + |x|)^2; divided twice, because the square could overflow."""
    dy, dx = prepare_gradient("Softsign", dy, cache.x)
    denominator = np.abs(cache.x)
    denominator += 1
    np.divide(dy, denominator, out=dx)
    dx /= denominator
    np.copyto(dx, np.nan, where=np.isinf(cache.x))  # where y is inf/inf, as in PyTorch
    return dx


@quiet
def silu_forward(x: Array) -> tuple[Array, InputCache]:
    """Compute x * sigmoid(x), "swish"; `torch.nn.functional.silu`.  See `relu_forward`.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """
    x, y = prepare("SiLU", x)
    _sigmoid(x, out=y)
    y *= x
    return y, InputCache(x)


@quiet
def silu_backward(dy: Array, cache: InputCache) -> Array:
    """Return dx = dy * s * (1 + x*(1 - s)) with s = sigmoid(x)."""
    x = cache.x
    dy, dx = prepare_gradient("SiLU", dy, x)
    s = np.empty_like(x)
    _sigmoid(x, out=s)
    np.subtract(1, s, out=dx)
    dx *= x
    dx += 1
    dx *= s
    dx *= dy
    return dx


def prepare(name: str, x: Array) -> tuple[Array, Array]:
    """Return x as kernels can read it, and memory for y; raise TypeError unless it is floats."""
    check_floats(name, x=x)
    return contiguous(x), empty(x.shape, x.dtype)


def prepare_gradient(name: str, dy: Array, like: Array) -> tuple[Array, Array]:
    """Return dy, checked to be like that array, and memory for dx."""
    return check_gradient(name, dy, like.shape, like.dtype), empty(like.shape, like.dtype)
