"""Batch normalisation over the shards of a batch: each channel's statistics are of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array, check_gradient, contiguous
from cnnlite.functional.batch_norm import affine_of, check_batch_norm, planes_of
from cnnlite.tree_sums import total

Gather = Callable[[np.ndarray], list[np.ndarray]]
"""Takes a shard's float64 numbers, and returns those of all shards, in their order."""


class SyncBatchNormCache(NamedTuple):
    """What the backward pass needs."""

    x: Array  # this shard's
    mean: Array  # (C,) of the whole batch, and the two below
    rest: Array  # (C,) what rounding took off the mean
    inverse_std: Array  # (C,)
    gamma: Array | None
    beta: Array | None
    values: float  # that a channel has in the whole batch


def sync_batch_norm_forward(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    gather: Gather,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, SyncBatchNormCache]:
    """Normalise a shard's channels over the whole batch; `torch.nn.SyncBatchNorm` in training.

    Args:
        x: this shard of the batch, (N, C), (N, C, L) or (N, C, H, W), float32 or float64.
        gamma, beta, momentum, eps: as for `batch_norm_forward`.
        running_mean, running_var: (C,) updated in place with the whole batch's statistics, or None.
        gather: takes the shard's float64 numbers and returns those of all shards, in their order.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError, ValueError: as for `batch_norm_forward`.

    Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances", 1979, equation 2.1: how moments of parts become those of the whole.
    """
    check_batch_norm(x, gamma, beta, running_mean, running_var, train=False, own=False)
    x = contiguous(x)
    channels, dtype = x.shape[1], x.dtype
    y = empty(x.shape, dtype)
    mean, rest, inverse_std, variance = (np.zeros(channels, dtype) for _ in range(4))
    weight, bias = affine_of(x, gamma, beta)
    kernels.batch_norm_forward(
        planes_of(x), y, weight, bias, mean, inverse_std, variance, eps, True, rest=rest
    )
    own = float(x.size // channels)
    mean64 = mean.astype(np.float64) + rest
    parts = gather(np.stack([np.full(channels, own), mean64, variance.astype(np.float64) * own]))
    values, mean64, squares = total([tuple(part) for part in parts], _joined)
    mean = mean64.astype(dtype)
    rest = (mean64 - mean).astype(dtype)
    deviation = np.sqrt(squares / values + eps)
    inverse = np.divide(1, deviation, out=np.zeros(channels), where=deviation != 0)
    inverse_std = inverse.astype(dtype)
    kernels.batch_norm_forward(
        planes_of(x), y, weight, bias, mean, inverse_std, None, 0.0, False, rest=rest
    )
    if running_mean is not None and running_var is not None:
        unbiased = squares / np.maximum(values - 1, 1)
        for running, batch in ((running_mean, mean64), (running_var, unbiased)):
            running[...] = (1 - momentum) * running.astype(np.float64) + momentum * batch
    return y, SyncBatchNormCache(x, mean, rest, inverse_std, gamma, beta, float(values[0]))


def _joined(left: tuple[Array, ...], right: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the count, the mean and the sum of squares about it of two parts together."""
    count, apart = left[0] + right[0], right[1] - left[1]
    share = right[0] / count
    return count, left[1] + apart * share, left[2] + right[2] + apart * apart * (left[0] * share)


def sync_batch_norm_backward(
    dy: Array, cache: SyncBatchNormCache, gather: Gather, need_dx: bool = True
) -> tuple[Array | None, Array | None, Array | None]:
    """Return the gradients of `sync_batch_norm_forward`.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what the forward pass of this shard returned; unchanged.
        gather: as there.
        need_dx: False saves the passes that make dx.

    Returns:
        dx like x or None; dgamma (C,) or None and dbeta (C,) or None, of this shard alone: all
        shards' gradients are added up later.

    Raises:
        TypeError, ValueError: dy is not of y's dtype or shape.
    """
    x, values = cache.x, cache.values
    dy = check_gradient("SyncBatchNorm", dy, x.shape, x.dtype)
    dgamma, dbeta = np.empty(x.shape[1], x.dtype), np.empty(x.shape[1], x.dtype)
    weight, bias = affine_of(x, cache.gamma, cache.beta)
    statistics = cache.mean, cache.inverse_std, dgamma, dbeta
    kernels.batch_norm_backward(
        dy, planes_of(x), None, weight, bias, *statistics, True, rest=cache.rest
    )
    sums = total(gather(np.stack([dgamma, dbeta])), np.add)
    dx = None
    if need_dx:
        # dx = gamma/std * (dy - dbeta/M - x^ dgamma/M): the first term, then the others.
        dx, others = empty(x.shape, x.dtype), empty(x.shape, x.dtype)
        scratch = cache.mean, cache.inverse_std, np.empty_like(dgamma), np.empty_like(dbeta)
        kernels.batch_norm_backward(
            dy, planes_of(x), dx, weight, bias, *scratch, False, rest=cache.rest
        )
        scale, shift = (sums * (weight * cache.inverse_std) / values).astype(x.dtype)
        kernels.batch_norm_forward(
            planes_of(x), others, scale, shift, cache.mean, cache.inverse_std, None, 0.0, False,
            rest=cache.rest,
        )  # fmt: skip
        dx -= others
    return dx, None if cache.gamma is None else dgamma, None if cache.beta is None else dbeta
