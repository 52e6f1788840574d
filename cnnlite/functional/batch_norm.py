"""Batch normalisation: each channel gets mean 0 and variance 1 over the batch, then a scale."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array, check_floats, check_gradient, check_shape, contiguous
from cnnlite.checks.numbers import flag, real
from cnnlite.functional.post_ops import apply, check_post, undo
from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, Kept, PostOps

__all__ = [
    "BatchNormCache",
    "batch_norm_forward",
    "batch_norm_backward",
    "batch_norm_addend_backward",
]


class BatchNormCache(NamedTuple):
    """What the backward pass of batch normalisation needs."""

    x: Array  # the normalised x is (x - mean - rest) * inverse_std; one of the two must be kept
    mean: Array  # (C,) of the batch if train, else the running one
    rest: Array  # (C,) what rounding took off the batch's mean; 0 of the running one
    inverse_std: Array  # (C,)
    gamma: Array | None
    beta: Array | None  # only to tell again from x which outputs a fused ReLU stopped
    train: bool  # whether mean and variance depend on x, and add to dx
    kept: Kept  # what backward needs of the post-ops; of ReLU without an addend nothing, from x


def batch_norm_forward(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    train: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
    post: PostOps = NO_POST_OPS,
) -> tuple[Array, BatchNormCache]:
    """Normalise channels over the batch; `torch.nn.functional.batch_norm`.

    Args:
        x: (N, C), (N, C, L) or (N, C, H, W), float32 or float64.
        gamma, beta: (C,) scale and shift, or None for 1 and 0.
        running_mean, running_var: (C,) running statistics.  With train they are updated in
            place, running = (1 - momentum) * running + momentum * batch's (the variance unbiased),
            unless they are None or N is 0; without train they are used instead of the batch's.
        train: whether to normalise with the batch's own mean and (biased) variance.
        momentum: weight of the new batch in the running statistics, 0 to 1.  There is no None, as
            no batches are counted here: for the plain mean of all batches give 1 / (the number of
            this batch, from 1), as the layers do.
        eps: added to the variance, from 0 up.  With eps 0, a channel whose variance is 0 becomes
            beta, and its dx is 0 (PyTorch gives NaN).
        post: an addend like x and an activation, which follow in the same pass over memory.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: an array is not float32 or float64, or they differ; momentum or eps is no number.
        ValueError: shapes do not fit, running statistics are missing or read-only, momentum or eps
            is out of range, or train with one value a channel (whose variance is 0 whatever it is).

    Source: Ioffe and Szegedy, "Batch normalization", 2015, algorithm 1.
    """
    train = flag("BatchNorm", "train", train)
    check_batch_norm(x, gamma, beta, running_mean, running_var, train)
    momentum = _checked_momentum(momentum)
    eps = real("BatchNorm", "eps", eps, 0)
    check_post("BatchNorm", post, addend=True)
    x, own, later = contiguous(x), post, NO_POST_OPS
    addend = post.addend
    if addend is not None:
        check_floats("BatchNorm", x=x, addend=addend)
        check_shape("BatchNorm", "addend", addend, x.shape)
        addend = contiguous(addend)
    if post.activation not in (None, "relu"):
        own, later = PostOps(addend), PostOps(activation=post.activation)
    elif addend is not post.addend:
        own = PostOps(addend, post.activation)
    shape, dtype = x.shape, x.dtype
    channels = shape[1]
    mean, rest = np.empty(channels, dtype), np.empty(channels, dtype)
    inverse_std, variance = np.empty(channels, dtype), np.empty(channels, dtype)
    from_batch = train and x.size > 0
    known_mean = None if running_mean is None else contiguous(running_mean)
    known_var = None if running_var is None else contiguous(running_var)
    if known_mean is None and not from_batch:
        known_mean, known_var = np.zeros(channels, dtype), np.ones(channels, dtype)
    y = empty(shape, dtype)
    kernels.batch_norm_forward(
        planes_of(x),
        y,
        *affine_of(x, gamma, beta),
        mean,
        inverse_std,
        variance,
        eps,
        from_batch,
        own,
        rest,
        known_mean,
        known_var,
        momentum,
    )
    if from_batch and running_mean is not None and known_mean is not running_mean:
        running_mean[...] = known_mean  # it was not contiguous
    if from_batch and running_var is not None and known_var is not running_var:
        running_var[...] = known_var
    if later is not NO_POST_OPS:
        y, kept = apply(y, later)
    elif own.activation is None:
        kept = NOTHING_KEPT
    else:
        kept = Kept("relu", None if addend is None else y)
    return y, BatchNormCache(x, mean, rest, inverse_std, gamma, beta, train, kept)


def batch_norm_again(cache: BatchNormCache, addend: Array | None = None) -> Array:
    """Return the normalised x after its scale and shift once more, bit for bit.

    Args:
        cache: what `batch_norm_forward` returned.
        addend: what is added to it, as it was there.

    Returns:
        An array like x, after a ReLU if that followed there; other activations are left out.
    """
    x, relu = cache.x, "relu" if cache.kept.activation == "relu" else None
    post = PostOps(None if addend is None else contiguous(addend), relu)
    y = empty(x.shape, x.dtype)
    statistics = cache.mean, cache.inverse_std
    affine = affine_of(x, cache.gamma, cache.beta)
    kernels.batch_norm_forward(
        planes_of(x), y, *affine, *statistics, None, 0.0, False, post, cache.rest
    )
    return y


def batch_norm_backward(
    dy: Array, cache: BatchNormCache, need_dx: bool = True
) -> tuple[Array | None, Array | None, Array | None]:
    """Return the gradients of batch normalisation.

    With x^ the normalised x and M the values a channel has,
    dbeta = sum dy, dgamma = sum dy*x^, and dx = gamma/std * (dy - dbeta/M - x^*dgamma/M); without
    train only the first of the three terms.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what `batch_norm_forward` returned; unchanged.
        need_dx: False saves the pass that writes dx.

    Returns:
        dx like x or None, dgamma (C,) or None, dbeta (C,) or None.  With an addend the forward
        pass has one gradient more, which `batch_norm_addend_backward` returns too.

    Raises:
        TypeError, ValueError: dy is not of y's dtype or shape.
    """
    dx, dgamma, dbeta, _ = batch_norm_gradients(dy, cache, need_dx, addend=False)
    return dx, dgamma, dbeta


def batch_norm_addend_backward(
    dy: Array, cache: BatchNormCache, need_dx: bool = True
) -> tuple[Array | None, Array | None, Array | None, Array]:
    """Return the gradients of batch normalisation with an addend.

    Args:
        dy, cache, need_dx: as for `batch_norm_backward`.

    Returns:
        dx, dgamma, dbeta as `batch_norm_backward` does, and the addend's gradient, like x: dy
        itself, or new memory with the part of dy that passed the ReLU after the sum.

    Raises:
        TypeError, ValueError: dy is not of y's dtype or shape.
    """
    dx, dgamma, dbeta, daddend = batch_norm_gradients(dy, cache, need_dx)
    assert daddend is not None
    return dx, dgamma, dbeta, daddend


def batch_norm_gradients(
    dy: Array, cache: BatchNormCache, need_dx: bool = True, addend: bool = True, own: bool = False
) -> tuple[Array | None, Array | None, Array | None, Array | None]:
    """Return what `batch_norm_addend_backward` does, in memory that is there already if it may.

    A gradient in new memory is written twice: the processor reads a cache line before it writes a
    part of it.

    Args:
        dy, cache, need_dx: as for `batch_norm_backward`.
        addend: whether the addend's gradient is asked for; else it is None.
        own: whether nobody else refers to dy.  It is then overwritten: by the addend's gradient if
            that is another array, or by dx if nobody asks for that.

    Returns:
        dx, dgamma, dbeta, and the addend's gradient.

    Raises:
        TypeError, ValueError: dy is not of y's dtype or shape.
    """
    need_dx = flag("BatchNorm", "need_dx", need_dx)
    x = cache.x
    shape, dtype = x.shape, x.dtype
    given, dy = dy, check_gradient("BatchNorm", dy, shape, dtype)
    dgamma, dbeta = np.empty(shape[1], dtype), np.empty(shape[1], dtype)
    kept = cache.kept
    if kept.activation not in (None, "relu"):
        dy, kept = undo(dy, kept, shape), NOTHING_KEPT
    over = (own or dy is not given) and dy.flags.writeable
    dx = dsum = None
    if kept.values is not None:
        dsum = dy if over else empty(shape, dtype)
    if need_dx:
        dx = dy if over and dsum is None and not addend else empty(shape, dtype)
    kernels.batch_norm_backward(
        dy,
        planes_of(x),
        dx,
        *affine_of(x, cache.gamma, cache.beta),
        cache.mean,
        cache.inverse_std,
        dgamma,
        dbeta,
        cache.train,
        kept,
        dsum,
        cache.rest,
    )
    return (
        dx,
        None if cache.gamma is None else dgamma,
        None if cache.beta is None else dbeta,
        (dy if dsum is None else dsum) if addend else None,
    )


def planes_of(x: Array) -> Array:
    """Return a view of shape (N, C, L), with all pixels of an image in one row."""
    shape = x.shape
    return x.reshape(*shape[:2], math.prod(shape[2:]))


def affine_of(x: Array, gamma: Array | None, beta: Array | None) -> tuple[Array, Array]:
    """Return gamma and beta, or the ones and zeros that their absence stands for."""
    return (
        np.ones(x.shape[1], x.dtype) if gamma is None else contiguous(gamma),
        np.zeros(x.shape[1], x.dtype) if beta is None else contiguous(beta),
    )


def _checked_momentum(momentum: float | None) -> float:
    if momentum is None:
        raise TypeError(
            "BatchNorm: momentum is None, expected a number from 0 to 1; for the mean of all "
            "batches give 1 / (the number of this batch, from 1), as BatchNorm2d does for None"
        )
    return real("BatchNorm", "momentum", momentum, 0, 1)


def check_batch_norm(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    train: bool,
    own: bool = True,
) -> None:
    """Raise unless the arrays of a batch normalisation fit each other.

    Args:
        x, gamma, beta, running_mean, running_var, train: as for `batch_norm_forward`.
        own: whether x is the whole batch, and not a shard of one.

    Raises:
        TypeError, ValueError: they do not.
    """
    channels: dict[str, Any] = {
        "gamma": gamma, "beta": beta, "running_mean": running_mean, "running_var": running_var,
    }  # fmt: skip
    check_floats("BatchNorm", x=x, **channels, optional=channels)
    shape = x.shape
    if len(shape) not in (2, 3, 4) or 0 in shape[1:]:
        raise ValueError(
            "BatchNorm: x must have shape (N, C), (N, C, L) or (N, C, H, W) with C, L, H and W at "
            f"least 1, got {x.shape}"
        )
    expected = (shape[1],)
    for argument, array in channels.items():
        if array is not None and array.shape != expected:
            raise ValueError(
                f"BatchNorm: {argument} has shape {array.shape}, but x has {x.shape[1]} channels "
                f"(x {x.shape})"
            )
    if (running_mean is None) != (running_var is None):
        raise ValueError("BatchNorm: running_mean and running_var must both be given, or neither")
    if not train:
        if running_mean is None and own:
            raise ValueError("BatchNorm: train=False needs running_mean and running_var")
        return
    for argument, array in ("running_mean", running_mean), ("running_var", running_var):
        if array is not None and not array.flags.writeable:
            raise ValueError(f"BatchNorm: {argument} is read-only, but train=True updates it")
    if x.size == shape[1]:
        raise ValueError(
            f"BatchNorm: training needs more than one value per channel, got x {x.shape}"
        )
