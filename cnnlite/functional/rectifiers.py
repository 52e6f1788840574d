"""Relatives of ReLU: ReLU6, hardswish, ELU and mish.

NaN goes through all of them, and large arguments neither overflow nor warn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import real
from cnnlite.functional.activations import InputCache, OutputCache, prepare, prepare_gradient
from cnnlite.functional.elementary import exp, expm1
from cnnlite.quiet import quiet

__all__ = [
    "ELUCache", "relu6_forward", "relu6_backward", "hardswish_forward", "hardswish_backward",
    "elu_forward", "elu_backward", "mish_forward", "mish_backward",
]  # fmt: skip


class ELUCache(NamedTuple):
    """What the backward pass of ELU needs."""

    x: Array
    alpha: float


def relu6_forward(x: Array) -> tuple[Array, OutputCache]:
    """Return min(max(x, 0), 6); `torch.nn.functional.relu6`.

    Args:
        x: any shape, float32 or float64.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: x is not float32 or float64.

    Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    """
    x, y = prepare("ReLU6", x)
    np.clip(x, 0, 6, out=y)
    return y, OutputCache(y)


def relu6_backward(dy: Array, cache: OutputCache) -> Array:
    """Return dx = dy, but 0 where x <= 0 or x >= 6 (whatever dy is there)."""
    y = cache.y
    dy, dx = prepare_gradient("ReLU6", dy, y)
    dx[...] = dy
    np.copyto(dx, 0, where=(y <= 0) | (y >= 6))
    return dx


@quiet
def hardswish_forward(x: Array) -> tuple[Array, InputCache]:
    """Return x * min(max(x + 3, 0), 6) / 6; `torch.nn.functional.hardswish`.

    Args, Returns, Raises: as in `relu6_forward`.

    Source: Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.2.
    """
    x, y = prepare("Hardswish", x)
    np.add(x, 3, out=y)
    np.clip(y, 0, 6, out=y)
    y /= 6  # before the product, which could overflow
    y *= x
    return y, InputCache(x)


@quiet
def hardswish_backward(dy: Array, cache: InputCache) -> Array:
    """Return dx = dy * (x/3 + 1/2) for -3 < x < 3; to the left of that 0, to the right dy."""
    x = cache.x
    dy, dx = prepare_gradient("Hardswish", dy, x)
    np.divide(x, 3, out=dx)
    dx += 0.5
    np.copyto(dx, 1, where=x >= 3)
    dx *= dy
    np.copyto(dx, 0, where=x <= -3)  # whatever dy is
    return dx


@quiet
def elu_forward(x: Array, alpha: float = 1.0) -> tuple[Array, ELUCache]:
    """Return x where it is positive, else alpha * (exp(x) - 1); `torch.nn.functional.elu`.

    Args:
        x: any shape, float32 or float64.
        alpha: minus the limit of y as x goes to minus infinity, a finite number.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: x is not float32 or float64, or alpha is no number.
        ValueError: alpha is not finite.

    Source: Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by
    exponential linear units (ELUs)", ICLR 2016, equation 15.
    """
    alpha = real("ELU", "alpha", alpha)
    x, y = prepare("ELU", x)
    np.minimum(x, 0, out=y)  # exp sees no large number
    expm1(y, out=y)
    y *= alpha
    np.copyto(y, x, where=x > 0)
    return y, ELUCache(x, alpha)


@quiet
def elu_backward(dy: Array, cache: ELUCache) -> Array:
    """Return dx = dy where x > 0, else dy * alpha * exp(x)."""
    x = cache.x
    dy, dx = prepare_gradient("ELU", dy, x)
    np.minimum(x, 0, out=dx)
    exp(dx, out=dx)
    dx *= cache.alpha
    np.copyto(dx, 1, where=x > 0)
    dx *= dy
    return dx


@quiet
def mish_forward(x: Array) -> tuple[Array, InputCache]:
    """Return x * tanh(log(1 + exp(x))); `torch.nn.functional.mish`.

    Args, Returns, Raises: as in `relu6_forward`.

    Source: Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.
    """
    x, y = prepare("Mish", x)
    _, above, below, _ = _tanh_of_softplus(x)
    np.divide(above, below, out=y)
    y *= x
    return y, InputCache(x)


@quiet
def mish_backward(dy: Array, cache: InputCache) -> Array:
    """Return dx = dy * (t + x * s * (1 - t^2)), t = tanh(log(1 + exp(x))), s = sigmoid(x)."""
    x = cache.x
    dy, dx = prepare_gradient("Mish", dy, x)
    w, above, below, rest = _tanh_of_softplus(x)
    np.divide(rest, below, out=dx)  # 1 - t, without subtracting numbers that are nearly equal
    dx *= 1 + above / below
    dx *= np.where(x >= 0, 1, w) / (1 + w)
    dx *= x
    dx += above / below
    dx *= dy
    return dx


def _tanh_of_softplus(x: Array) -> tuple[Array, Array, Array, Array]:
    """Return w = exp(-|x|), and tanh(log(1 + exp(x))) as above, below and below - above.

    With e = exp(x) it is (e^2 + 2e) / (e^2 + 2e + 2); where x is positive, both parts are divided
    by e^2.
    """
    w = exp(-np.abs(x))
    right = x >= 0
    above = np.where(right, 1 + 2 * w, w * (w + 2))
    rest = np.where(right, 2 * w * w, x.dtype.type(2))
    return w, above, above + rest, rest
