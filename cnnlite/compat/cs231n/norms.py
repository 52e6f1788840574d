"""Batch, layer and group normalisation, with their settings in dicts."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array, as_array, check_shape
from cnnlite.checks.numbers import real
from cnnlite.compat.cs231n.settings import mode_of, optional_setting
from cnnlite.compat.promotion import promoted, promoted_to
from cnnlite.functional import (
    BatchNormCache,
    RowNormCache,
    batch_norm_backward,
    batch_norm_forward,
    group_norm_backward,
    group_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
)
from cnnlite.post_ops import NO_POST_OPS, PostOps
from cnnlite.quiet import quiet

__all__ = [
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "batchnorm_forward",
    "layernorm_backward",
    "layernorm_forward",
    "spatial_batchnorm_backward",
    "spatial_batchnorm_forward",
    "spatial_groupnorm_backward",
    "spatial_groupnorm_forward",
    "spatial_groupnorm_quick_backward",
    "spatial_groupnorm_quick_forward",
]

Gradients = tuple[Array, Array, Array]
GroupNormCache = tuple[RowNormCache, tuple[int, ...]]


@quiet
def batchnorm_forward(
    x: Any,
    gamma: Any,
    beta: Any,
    bn_param: MutableMapping[str, Any],
    post: PostOps = NO_POST_OPS,
) -> tuple[Array, BatchNormCache]:
    """Normalise each feature, or channel of images, over the batch.

    Args:
        x: (N, D) or (N, C, H, W).
        gamma, beta: (D,) or (C,), scale and shift.
        bn_param: "mode", "train" or "test"; "eps" (1e-5); "momentum" (0.9), the share that the
            running statistics keep, 1 minus PyTorch's; "running_mean" and "running_var", both 0 at
            first.  The two are written into it anew; the variance is the biased one, which
            PyTorch's is not.  A batch of one example becomes the shift, which PyTorch refuses.
        post: what follows in the same pass over memory.

    Returns:
        out like x, and the cache.

    Raises:
        TypeError, ValueError: shapes or settings do not fit.

    Source: Ioffe and Szegedy, "Batch normalization", 2015, algorithm 1.
    """
    name = "batchnorm_forward"
    x, gamma, beta = promoted(name, x=x, gamma=gamma, beta=beta)
    if x.ndim not in (2, 4):
        raise ValueError(f"{name}: x must have shape (N, D) or (N, C, H, W), got {x.shape}")
    train = mode_of(name, bn_param) == "train"
    eps = real(name, "bn_param['eps']", bn_param.get("eps", 1e-5), 0)
    momentum = real(name, "bn_param['momentum']", bn_param.get("momentum", 0.9), 0, 1)
    keys = ("running_mean", "running_var")
    running = [
        as_array(name, f"bn_param[{key!r}]", bn_param.get(key, np.zeros(x.shape[1:2], x.dtype)))
        for key in keys
    ]
    for key, old in zip(keys, running, strict=True):
        check_shape(name, f"bn_param[{key!r}]", old, x.shape[1:2])
    if train:
        out, cache, mean, variance = _normalised_by_itself(x, gamma, beta, eps, post)
        running = [
            momentum * old + (1 - momentum) * new
            for old, new in zip(running, (mean, variance), strict=True)
        ]
    else:
        mean, variance = (
            promoted_to(name, key, value, x.dtype) for key, value in zip(keys, running, strict=True)
        )
        out, cache = batch_norm_forward(
            x, gamma, beta, mean, variance, train=False, eps=eps, post=post
        )
    bn_param.update(zip(keys, running, strict=True))
    return out, cache


def _normalised_by_itself(
    x: Array, gamma: Array, beta: Array, eps: float, post: PostOps
) -> tuple[Array, BatchNormCache, Array, Array]:
    """The output, the cache, and the batch's own mean and biased variance."""
    mean, variance = (np.zeros(x.shape[1:2], x.dtype) for _ in range(2))
    count = x.size // max(1, x.shape[1])
    if count == 1:  # x is its own mean, and only the shift is left
        mean[...] = x.reshape(-1)
        gamma = np.zeros_like(gamma)
        out, cache = batch_norm_forward(
            x, gamma, beta, mean, variance, train=False, eps=eps, post=post
        )
        return out, cache, mean, variance
    # With momentum 1 the running statistics become the batch's own, the variance unbiased.
    out, cache = batch_norm_forward(
        x, gamma, beta, mean, variance, train=True, momentum=1, eps=eps, post=post
    )
    variance *= max(count - 1, 0) / max(count, 1)
    return out, cache, mean, variance


def batchnorm_backward(dout: Any, cache: BatchNormCache) -> Gradients:
    """Return dx like x, dgamma and dbeta.

    Raises:
        TypeError, ValueError: dout does not fit x.
    """
    return batch_norm_backward(
        promoted_to("batchnorm_backward", "dout", dout, cache.x.dtype), cache
    )  # type: ignore[return-value]  # x's gradient is asked for, and gamma and beta were there


batchnorm_backward_alt = batchnorm_backward
spatial_batchnorm_forward = batchnorm_forward
spatial_batchnorm_backward = batchnorm_backward


def layernorm_forward(
    x: Any, gamma: Any, beta: Any, ln_param: Mapping[str, Any]
) -> tuple[Array, RowNormCache]:
    """Normalise each example over its features.

    Args:
        x: (N, D).
        gamma, beta: (D,), scale and shift.
        ln_param: "eps" (1e-5).

    Returns:
        out like x, and the cache.

    Raises:
        TypeError, ValueError: shapes or settings do not fit.

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.
    """
    name = "layernorm_forward"
    x, gamma, beta = promoted(name, x=x, gamma=gamma, beta=beta)
    if x.ndim != 2:
        raise ValueError(f"{name}: x must have shape (N, D), got {x.shape}")
    eps = optional_setting(name, ln_param, "eps", 1e-5)
    return layer_norm_forward(x, x.shape[1], gamma, beta, eps)


def layernorm_backward(dout: Any, cache: RowNormCache) -> Gradients:
    """Return dx like x, dgamma and dbeta (D,).

    Raises:
        TypeError, ValueError: dout does not fit x.
    """
    return layer_norm_backward(
        promoted_to("layernorm_backward", "dout", dout, cache.x.dtype), cache
    )  # type: ignore[return-value]  # gamma and beta were there


def spatial_groupnorm_forward(
    x: Any, gamma: Any, beta: Any, G: int, gn_param: Mapping[str, Any]
) -> tuple[Array, GroupNormCache]:
    """Normalise each image over groups of channels.

    Args:
        x: (N, C, H, W).
        gamma, beta: (1, C, 1, 1) or (C,), scale and shift of each channel.
        G: the number of groups, which divides C.
        gn_param: "eps" (1e-5).

    Returns:
        out like x, and the cache.

    Raises:
        TypeError, ValueError: shapes or settings do not fit.

    Source: Wu and He, "Group normalization", 2018.
    """
    name = "spatial_groupnorm_forward"
    x, gamma, beta = promoted(name, x=x, gamma=gamma, beta=beta)
    if x.ndim != 4:
        raise ValueError(f"{name}: x must have shape (N, C, H, W), got {x.shape}")
    for argument, array in (("gamma", gamma), ("beta", beta)):
        if array.shape != x.shape[1:2]:
            check_shape(name, argument, array, (1, x.shape[1], 1, 1))
    eps = optional_setting(name, gn_param, "eps", 1e-5)
    out, cache = group_norm_forward(x, G, gamma.reshape(-1), beta.reshape(-1), eps)
    return out, (cache, gamma.shape)


def spatial_groupnorm_backward(dout: Any, cache: GroupNormCache) -> Gradients:
    """Return dx like x, dgamma and dbeta like gamma.

    Raises:
        TypeError, ValueError: dout does not fit x.
    """
    inner, shape = cache
    dout = promoted_to("spatial_groupnorm_backward", "dout", dout, inner.x.dtype)
    dx, dgamma, dbeta = group_norm_backward(dout, inner)
    return dx, np.reshape(dgamma, shape), np.reshape(dbeta, shape)  # type: ignore[arg-type]


spatial_groupnorm_quick_forward = spatial_groupnorm_forward
spatial_groupnorm_quick_backward = spatial_groupnorm_backward
