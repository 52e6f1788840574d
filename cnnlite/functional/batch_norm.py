"""Batch normalisation: each channel gets mean 0 and variance 1 over the batch, then a scale.

Both passes read their input twice: once for sums over a channel, once to write the result.  They go
over it in tiles of a few images that stay in the processor's cache, so that the several steps on a
tile cost one trip to memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite._backend import empty
from cnnlite.functional._checks import (
    Array,
    check_floats,
    check_gradient,
    contiguous,
)

# Bytes of x in a tile; a tile and two arrays of its size fit a second-level cache.
_TILE_BYTES = 2**18
_Sums = npt.NDArray[np.float64]


class BatchNormCache(NamedTuple):
    """What the backward pass of batch normalisation needs."""

    x: Array  # the normalised x is (x - mean) * inverse_std; one of the two must be kept
    mean: Array  # (C,) of the batch if train, else the running one
    inverse_std: Array  # (C,)
    gamma: Array | None
    has_beta: bool  # whether there is a dbeta
    train: bool  # whether mean and variance depend on x, and add to dx


def batch_norm_forward(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    train: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, BatchNormCache]:
    """Normalises channels over the batch; `torch.nn.functional.batch_norm`.

    Args:
        x: (N, C) or (N, C, H, W), float32 or float64.
        gamma, beta: (C,) scale and shift, or None for 1 and 0.
        running_mean, running_var: (C,) running statistics.  With train they are updated in
            place, running = (1 - momentum) * running + momentum * batch's (the variance unbiased),
            unless they are None or N is 0; without train they are used instead of the batch's.
        train: whether to normalise with the batch's own mean and (biased) variance.
        momentum: weight of the new batch in the running statistics, 0 to 1.
        eps: added to the variance.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: shapes do not fit, running statistics are missing or read-only, or train with
            one value a channel (whose variance is 0 whatever it is).

    Source: Ioffe and Szegedy, "Batch normalization", 2015, algorithm 1.
    """
    _check(x, gamma, beta, running_mean, running_var, train)
    x = contiguous(x)
    if train and x.size:
        mean, variance = _mean_and_variance(x)
        count = x.size // x.shape[1]
        if running_mean is not None and running_var is not None:
            running_mean *= 1 - momentum
            running_mean += (momentum * mean).astype(x.dtype)
            running_var *= 1 - momentum
            running_var += (momentum * count / (count - 1) * variance).astype(x.dtype)
    elif running_mean is not None and running_var is not None:
        mean, variance = running_mean.astype(np.float64), running_var.astype(np.float64)
    else:
        mean, variance = np.zeros(x.shape[1]), np.ones(x.shape[1])
    inverse_std = (1 / np.sqrt(variance + eps)).astype(x.dtype)
    cache = BatchNormCache(x, mean.astype(x.dtype), inverse_std, gamma, beta is not None, train)
    y = empty(x.shape, x.dtype)
    scale = inverse_std if gamma is None else inverse_std * gamma
    for piece, piece_y in _tiles(x, y):
        # First minus the mean: x*scale - mean*scale would cancel digits where the mean is large.
        np.subtract(piece, cache.mean[:, None], out=piece_y)
        piece_y *= scale[:, None]
        if beta is not None:
            piece_y += beta[:, None]
    return y, cache


def batch_norm_backward(
    dy: Array, cache: BatchNormCache
) -> tuple[Array, Array | None, Array | None]:
    """Gradients of batch normalisation.

    With x^ the normalised x and M the values a channel has,
    dbeta = sum dy, dgamma = sum dy*x^, and dx = gamma/std * (dy - dbeta/M - x^*dgamma/M); without
    train only the first of the three terms.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what `batch_norm_forward` returned; unchanged.

    Returns:
        dx like x, dgamma (C,) or None, dbeta (C,) or None.
    """
    x = cache.x
    dy = check_gradient("BatchNorm", dy, x.shape, x.dtype)
    mean, inverse_std = cache.mean[:, None], cache.inverse_std[:, None]
    dbeta, dgamma = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for piece, piece_dy in _tiles(x, dy):
        normalised = piece - mean
        normalised *= inverse_std
        normalised *= piece_dy
        dgamma += _sum(normalised)
        dbeta += _sum(piece_dy)
    dx = empty(x.shape, x.dtype)
    scale = inverse_std if cache.gamma is None else inverse_std * cache.gamma[:, None]
    count = max(1, x.size // x.shape[1])
    shift = (dbeta / count).astype(x.dtype)[:, None]
    slope = (dgamma / count).astype(x.dtype)[:, None] * inverse_std
    for piece, piece_dy, piece_dx in _tiles(x, dy, dx):
        if cache.train:
            np.subtract(piece, mean, out=piece_dx)
            piece_dx *= slope
            np.subtract(piece_dy, piece_dx, out=piece_dx)
            piece_dx -= shift
            piece_dx *= scale
        else:
            np.multiply(piece_dy, scale, out=piece_dx)
    return (
        dx,
        None if cache.gamma is None else dgamma.astype(x.dtype),
        dbeta.astype(x.dtype) if cache.has_beta else None,
    )


def _mean_and_variance(x: Array) -> tuple[_Sums, _Sums]:
    """Mean and biased variance of each channel, in one trip through x.

    Each tile gives its own mean and sum of squares about it, and these are merged: accurate for
    any mean, unlike the mean of squares minus the squared mean.

    Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances", 1979, equation 2.1.
    """
    mean, squares, count = np.zeros(x.shape[1]), np.zeros(x.shape[1]), 0
    for (piece,) in _tiles(x):
        piece_count = piece.shape[0] * piece.shape[2]
        piece_mean = _sum(piece) / piece_count
        centred = piece - piece_mean.astype(x.dtype)[:, None]
        # The rounded mean is a little off; the sum of what is left says by how much.
        rest = _sum(centred)
        piece_mean = piece_mean.astype(x.dtype) + rest / piece_count
        centred *= centred
        step = piece_mean - mean
        total = count + piece_count
        squares += _sum(centred) - rest * rest / piece_count
        squares += step * step * (count * piece_count / total)
        mean += step * (piece_count / total)
        count = total
    return mean, np.maximum(squares, 0) / count


def _tiles(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Yields the same few images of all arrays, as (images, C, H*W)."""
    x = arrays[0]
    n, c = x.shape[:2]
    views = [array.reshape(n, c, x.size // max(1, n * c)) for array in arrays]
    size = max(1, _TILE_BYTES // max(1, views[0][:1].nbytes))
    for start in range(0, n, size):
        yield tuple(view[start : start + size] for view in views)


def _sum(tile: Array) -> _Sums:
    """Sums a tile's channels: rows in their own precision, pairwise, then images in float64."""
    rows: _Sums = tile.sum(axis=2).sum(axis=0, dtype=np.float64)
    return rows


def _check(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    train: bool,
) -> None:
    running: dict[str, Any] = {"running_mean": running_mean, "running_var": running_var}
    check_floats("BatchNorm", x=x, gamma=gamma, beta=beta, **running)
    if x.ndim not in (2, 4) or 0 in x.shape[1:]:
        raise ValueError(
            "BatchNorm: x must have shape (N, C) or (N, C, H, W) with C, H and W at least 1, "
            f"got {x.shape}"
        )
    for argument, array in {"gamma": gamma, "beta": beta, **running}.items():
        if array is not None and array.shape != (x.shape[1],):
            raise ValueError(
                f"BatchNorm: {argument} has shape {array.shape}, but x has {x.shape[1]} channels "
                f"(x {x.shape})"
            )
    if (running_mean is None) != (running_var is None):
        raise ValueError("BatchNorm: running_mean and running_var must both be given, or neither")
    if not train:
        if running_mean is None:
            raise ValueError("BatchNorm: train=False needs running_mean and running_var")
        return
    for argument, array in running.items():
        if array is not None and not array.flags.writeable:
            raise ValueError(f"BatchNorm: {argument} is read-only, but train=True updates it")
    if x.size == x.shape[1]:
        raise ValueError(
            f"BatchNorm: training needs more than one value per channel, got x {x.shape}"
        )
