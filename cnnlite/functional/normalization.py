"""Layer and group normalisation: each example is normalised by itself, whatever the batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cnnlite.backend import empty
from cnnlite.checks.arrays import Array, check_floats, check_gradient, check_shape, contiguous
from cnnlite.checks.numbers import count, real, sizes
from cnnlite.functional.statistics import (
    inverse_row_deviation,
    mean_products,
    sum_over,
    take_mean_off,
)
from cnnlite.quiet import quiet

__all__ = [
    "RowNormCache",
    "layer_norm_forward",
    "layer_norm_backward",
    "group_norm_forward",
    "group_norm_backward",
]


class RowNormCache(NamedTuple):
    """What the backward pass of layer and of group normalisation needs."""

    x: Array
    mean: Array  # (rows, 1): the normalised x is (x - mean - rest) * inverse_std
    rest: Array  # (rows, 1): what rounding took off the mean
    inverse_std: Array  # (rows, 1)
    weight: Array | None
    has_bias: bool  # whether there is a dbias
    param_shape: tuple[int, ...]  # shape of weight and bias
    affine_shape: tuple[int, ...]  # the same, with ones to broadcast over x


def layer_norm_forward(
    x: Array,
    normalized_shape: int | Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> tuple[Array, RowNormCache]:
    """Normalise over the last axes; `torch.nn.functional.layer_norm`.

    Args:
        x: (..., *normalized_shape), float32 or float64.
        normalized_shape: sizes of the axes that share a mean and a variance.
        weight, bias: of shape normalized_shape, or None for 1 and 0.
        eps: added to the (biased) variance, from 0 up.  With eps 0, a row of equal numbers
            becomes 0 (before weight and bias), and its dx too (PyTorch gives NaN).

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: an array is not float32 or float64, or they differ; a size or eps is no number.
        ValueError: shapes do not fit, or eps is out of range.

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.
    """
    check_floats("LayerNorm", x=x, weight=weight, bias=bias, optional=["weight", "bias"])
    shape = sizes("LayerNorm", "normalized_shape", normalized_shape)
    if x.shape[-len(shape) :] != shape:
        raise ValueError(
            f"LayerNorm: the last axes of x must be normalized_shape {shape}, got x {x.shape}"
        )
    check_shape("LayerNorm", "weight", weight, shape)
    check_shape("LayerNorm", "bias", bias, shape)
    eps = real("LayerNorm", "eps", eps, 0)
    return _forward(x, math.prod(shape), weight, bias, shape, shape, eps)


def layer_norm_backward(dy: Array, cache: RowNormCache) -> tuple[Array, Array | None, Array | None]:
    """Return the gradients of layer normalisation.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what `layer_norm_forward` returned; unchanged.

    Returns:
        dx like x, dweight and dbias of shape normalized_shape, or None.
    """
    return _backward("LayerNorm", dy, cache)


def group_norm_forward(
    x: Array,
    num_groups: int,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> tuple[Array, RowNormCache]:
    """Normalise each image over groups of channels; `torch.nn.functional.group_norm`.

    Args:
        x: (N, C, ...), float32 or float64.
        num_groups: consecutive channels form this many groups, each with its mean and variance.
        weight, bias: (C,), or None for 1 and 0.
        eps: added to the (biased) variance, from 0 up.  With eps 0, a row of equal numbers
            becomes 0 (before weight and bias), and its dx too (PyTorch gives NaN).

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: an array is not float32 or float64, or they differ; num_groups or eps is no
            number.
        ValueError: shapes do not fit, num_groups does not divide the channels, or eps is out of
            range.

    Source: Wu and He, "Group normalization", 2018.
    """
    check_floats("GroupNorm", x=x, weight=weight, bias=bias, optional=["weight", "bias"])
    if x.ndim < 2 or 0 in x.shape[1:]:
        raise ValueError(
            f"GroupNorm: x must have shape (N, C, ...), none but N being 0, got {x.shape}"
        )
    channels = x.shape[1]
    num_groups = count("GroupNorm", "num_groups", num_groups)
    if channels % num_groups:
        raise ValueError(
            f"GroupNorm: num_groups={num_groups} does not divide the {channels} channels "
            f"(x {x.shape})"
        )
    check_shape("GroupNorm", "weight", weight, (channels,))
    check_shape("GroupNorm", "bias", bias, (channels,))
    eps = real("GroupNorm", "eps", eps, 0)
    row = math.prod(x.shape[1:]) // num_groups
    affine_shape = (channels, *[1] * (x.ndim - 2))
    return _forward(x, row, weight, bias, (channels,), affine_shape, eps)


def group_norm_backward(dy: Array, cache: RowNormCache) -> tuple[Array, Array | None, Array | None]:
    """Return the gradients of group normalisation.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what `group_norm_forward` returned; unchanged.

    Returns:
        dx like x, dweight (C,) and dbias (C,), or None.
    """
    return _backward("GroupNorm", dy, cache)


@quiet
def _forward(
    x: Array,
    row: int,
    weight: Array | None,
    bias: Array | None,
    param_shape: tuple[int, ...],
    affine_shape: tuple[int, ...],
    eps: float,
) -> tuple[Array, RowNormCache]:
    """Normalise rows of so many consecutive numbers, then scale and shift."""
    x = contiguous(x)
    rows = x.reshape(x.size // row, row)
    y = empty(x.shape, x.dtype)
    normalised = y.reshape(rows.shape)
    mean, rest = take_mean_off(rows, normalised)
    inverse_std = inverse_row_deviation(normalised, eps)
    normalised *= inverse_std
    if weight is not None:
        y *= weight.reshape(affine_shape)
    if bias is not None:
        y += bias.reshape(affine_shape)
    return y, RowNormCache(
        x, mean, rest, inverse_std, weight, bias is not None, param_shape, affine_shape
    )


@quiet
def _backward(
    name: str, dy: Array, cache: RowNormCache
) -> tuple[Array, Array | None, Array | None]:
    """Return the gradients.

    dx = (g - mean(g) - x^*mean(g*x^))/std over each row; x^ is the normalised x, g = dy*weight.
    """
    x, weight, affine_shape = cache.x, cache.weight, cache.affine_shape
    dy = check_gradient(name, dy, x.shape, x.dtype)
    rows = x.reshape(len(cache.mean), x.size // max(1, len(cache.mean)))
    normalised = rows - cache.mean
    normalised -= cache.rest
    normalised *= cache.inverse_std
    dweight = None
    if weight is not None:
        dweight = _parameter_sum(dy * normalised.reshape(x.shape), cache)
    dbias = _parameter_sum(dy, cache) if cache.has_bias else None
    dx = empty(x.shape, x.dtype)
    gradient = dx.reshape(rows.shape)
    if weight is None:
        dx[...] = dy
    else:
        np.multiply(dy, weight.reshape(affine_shape), out=dx)
    if rows.size:
        slope = mean_products(gradient, normalised).astype(x.dtype)
        take_mean_off(gradient, gradient)
        normalised *= slope
        gradient -= normalised
        gradient *= cache.inverse_std
    return dx, dweight, dbias


def _parameter_sum(array: Array, cache: RowNormCache) -> Array:
    """Sum an array like x over the axes along which weight and bias were broadcast."""
    if cache.param_shape == cache.affine_shape:
        return sum_over(array, tuple(range(array.ndim - len(cache.affine_shape))))
    return sum_over(array, (0, *range(2, array.ndim)))
