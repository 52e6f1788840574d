"""Instance normalisation: each plane is normalised by itself, or with running statistics."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnnlite.checks.arrays import Array, check_floats, check_gradient, check_images, check_shape
from cnnlite.checks.numbers import flag, real
from cnnlite.functional.batch_norm import BatchNormCache, batch_norm_backward, batch_norm_forward
from cnnlite.functional.normalization import RowNormCache, group_norm_backward, group_norm_forward
from cnnlite.functional.statistics import mean_products
from cnnlite.quiet import quiet

__all__ = ["InstanceNormCache", "instance_norm_backward", "instance_norm_forward"]

_NAME = "InstanceNorm2d"


class InstanceNormCache(NamedTuple):
    """What the backward pass of instance normalisation needs."""

    norm: RowNormCache | BatchNormCache  # of groups of one channel; batch-norm's with statistics
    shape: tuple[int, ...]
    dtype: np.dtype


def instance_norm_forward(
    x: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, InstanceNormCache]:
    """Normalise each channel of each image; `torch.nn.functional.instance_norm`.

    Args:
        x: (N, C, H, W), float32 or float64.
        running_mean, running_var: (C,) both, or None.  With use_input_stats they move towards the
            means over the batch of the planes' means and unbiased variances.
        weight, bias: (C,) both, or None for 1 and 0.
        use_input_stats: False normalises with running_mean and running_var instead.
        momentum: weight of this batch in the running statistics, from 0 to 1.
        eps: added to the variance, from 0 up.  With eps 0 a plane of equal numbers becomes 0.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: an array is not float32 or float64, or they differ; a number or flag is none.
        ValueError: shapes do not fit, a number is out of range, one array of a pair is missing, a
            statistic to be updated is read-only, or a plane to be normalised has one pixel only.

    Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing ingredient for fast
    stylization", 2016.
    """
    check_images(_NAME, x)
    arrays = {
        "weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var,
    }  # fmt: skip
    check_floats(_NAME, x=x, **arrays, optional=list(arrays))
    for name, array in arrays.items():
        check_shape(_NAME, name, array, (x.shape[1],))
    for first, second in (("weight", "bias"), ("running_mean", "running_var")):
        if (arrays[first] is None) != (arrays[second] is None):
            raise ValueError(f"{_NAME}: {first} and {second} come together, or neither does")
    use_input_stats = flag(_NAME, "use_input_stats", use_input_stats)
    momentum, eps = real(_NAME, "momentum", momentum, 0, 1), real(_NAME, "eps", eps, 0)
    norm: RowNormCache | BatchNormCache
    if not use_input_stats:
        if running_mean is None:
            raise ValueError(f"{_NAME}: use_input_stats is False, expected a running_mean")
        y, norm = batch_norm_forward(
            x, weight, bias, running_mean, running_var, False, momentum, eps
        )
        return y, InstanceNormCache(norm, x.shape, x.dtype)
    for name in ("running_mean", "running_var"):
        statistic = arrays[name]
        if statistic is not None and not statistic.flags.writeable:
            raise ValueError(f"{_NAME}: {name} is read-only, but use_input_stats=True updates it")
    if x.shape[2] * x.shape[3] == 1:
        raise ValueError(f"{_NAME}: a plane needs more than one pixel, got x {x.shape}")
    y, norm = group_norm_forward(x, x.shape[1], weight, bias, eps)
    if running_mean is not None and running_var is not None and len(x):
        _move(running_mean, running_var, norm, momentum)
    return y, InstanceNormCache(norm, x.shape, x.dtype)


def instance_norm_backward(
    dy: Array, cache: InstanceNormCache
) -> tuple[Array, Array | None, Array | None]:
    """Return the gradients of instance normalisation.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what `instance_norm_forward` returned; unchanged.

    Returns:
        dx like x, dweight (C,) and dbias (C,), or None.
    """
    dy = check_gradient(_NAME, dy, cache.shape, cache.dtype)
    if isinstance(cache.norm, RowNormCache):
        return group_norm_backward(dy, cache.norm)
    dx, dweight, dbias = batch_norm_backward(dy, cache.norm)
    assert dx is not None  # need_dx is True
    return dx, dweight, dbias


@quiet
def _move(mean: Array, var: Array, norm: RowNormCache, momentum: float) -> None:
    """Move running statistics towards those of a batch."""
    rows = norm.x.reshape(len(norm.mean), -1)
    centred = rows - norm.mean
    centred -= norm.rest
    variances = mean_products(centred, centred) * (rows.shape[1] / (rows.shape[1] - 1))
    means = norm.mean.astype(np.float64) + norm.rest
    for running, found in ((mean, means), (var, variances)):
        running *= 1 - momentum
        running += (momentum * found.reshape(-1, len(running)).mean(axis=0)).astype(running.dtype)
