"""Batch normalisation (Ioffe and Szegedy 2015), with the ReLU that usually follows it."""

import numpy as np

from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, Kept, PostOps
from cnnlite.quiet import quiet
from cnnlite.reference.post_ops import follow


@quiet
def batch_norm_forward(
    x: np.ndarray,
    y: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    mean: np.ndarray,
    inverse_std: np.ndarray,
    variance: np.ndarray | None,
    eps: float,
    train: bool,
    post: PostOps = NO_POST_OPS,
    rest: np.ndarray | None = None,
    running_mean: np.ndarray | None = None,
    running_var: np.ndarray | None = None,
    momentum: float = 0,
) -> None:
    """Compute y = (x - mean - rest) inverse_std gamma + beta, then what `post` says.

    x is (N, C, size), an addend of its size.  train: mean, inverse_std and variance (biased), each
    (C,), are computed from x and written, and rest, unless None, what rounding took off the mean;
    the running statistics, unless None, then move by momentum.  Without train, mean, inverse_std
    and rest are written from the running statistics; where these are None, they are read (rest
    None: 0).  inverse_std is 0 where it would be 1 / 0.  y may be x or the addend.

    Order: a plane is cut into runs of 64 terms a lane, each lane into 2 sums that take turns; 64
    runs of a channel, in the order of the images, are added one by one.
    """
    if (running_mean is None) != (running_var is None):
        raise ValueError("batch_norm_forward: one running statistic is missing")
    if train and x.size:
        assert variance is not None
        _statistics(x, mean, inverse_std, variance, eps, rest)
        if running_mean is not None and running_var is not None:
            count = x.shape[0] * x.shape[2]
            for running, factor, batch in (
                (running_mean, momentum, mean),
                (running_var, momentum * count / (count - 1), variance),
            ):
                running *= 1 - momentum
                running += factor * batch
    elif not train and running_mean is not None and running_var is not None:
        mean[...] = running_mean
        if rest is not None:
            rest[...] = 0
        inverse_std[...] = _inverse(np.sqrt(running_var.astype(np.float64) + eps), x.dtype)
    scale = gamma * inverse_std
    normed = _centred(x, mean, rest) * scale[:, None] + beta[:, None]
    follow(normed, y, post)


@quiet
def batch_norm_backward(
    dy: np.ndarray,
    x: np.ndarray,
    dx: np.ndarray | None,
    gamma: np.ndarray,
    beta: np.ndarray,
    mean: np.ndarray,
    inverse_std: np.ndarray,
    dgamma: np.ndarray,
    dbeta: np.ndarray,
    train: bool,
    kept: Kept = NOTHING_KEPT,
    dsum: np.ndarray | None = None,
    rest: np.ndarray | None = None,
) -> None:
    """Compute dx (or None), dgamma, dbeta of batch_norm_forward ; dx may be dy.

    What a ReLU stopped is found again from x, unless an addend stood before it: then kept.values
    is its output, and dsum, the gradient of the addend and of the normalised x, is written first:
    dy where that output is positive (or NaN), else 0.  Order: as the forward pass.
    """
    y = kept.values
    if (y is None) != (dsum is None):
        raise ValueError("batch_norm_backward: kept.values and dsum must both be given, or neither")
    if y is not None and dsum is not None:
        dy = np.where(y <= 0, 0, dy.reshape(y.shape))
        dsum[...] = dy.reshape(dsum.shape)
    dy = dy.reshape(x.shape)
    scale = (gamma * inverse_std)[:, None]
    centred = _centred(x, mean, rest)
    if kept.activation == "relu" and y is None:
        dy = np.where(centred * scale + beta[:, None] <= 0, 0, dy)
    xhat = centred * inverse_std[:, None]
    dbeta[...] = dy.sum(axis=(0, 2), dtype=np.float64)
    dgamma[...] = (dy * xhat).sum(axis=(0, 2), dtype=np.float64)
    if dx is None:
        return
    if train and x.size:
        count = x.shape[0] * x.shape[2]
        dy = dy - (dbeta / count)[:, None] - xhat * (dgamma / count)[:, None]
    dx[...] = (scale * dy).reshape(dx.shape)


def _statistics(
    x: np.ndarray,
    mean: np.ndarray,
    inverse_std: np.ndarray,
    variance: np.ndarray,
    eps: float,
    rest: np.ndarray | None,
) -> None:
    """Write the moments of each channel, in float64; squares are of x in units of the largest."""
    first = x.mean(axis=(0, 2), dtype=np.float64)
    centred = x - first[:, None]
    left = np.nan_to_num(centred.mean(axis=(0, 2)))
    centred -= left[:, None]
    mean[...] = first + left
    peak = np.abs(centred).max(axis=(0, 2), keepdims=True)
    peak[~(peak > 0)] = 1
    squares = np.square(centred / peak).mean(axis=(0, 2))
    unit = peak[0, :, 0]
    variance[...] = squares * unit * unit
    deviation = np.sqrt(squares + eps / unit / unit) * unit
    inverse_std[...] = _inverse(deviation, x.dtype)
    if rest is not None:
        rest[...] = np.where(np.isfinite(mean), first - mean + left, 0)


def _inverse(deviation: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return 1 / deviation: 0 for 1 / 0, and at most the largest number of the dtype."""
    inverse = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation != 0)
    return np.minimum(inverse, np.finfo(dtype).max)


def _centred(x: np.ndarray, mean: np.ndarray, rest: np.ndarray | None) -> np.ndarray:
    centred = x - mean[:, None]
    return centred if rest is None else centred - rest[:, None]
