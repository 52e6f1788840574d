"""Batch normalisation (Ioffe and Szegedy 2015), with the ReLU that usually follows it."""

import numpy as np

from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, Kept, PostOps
from cnnlite.reference.post_ops import follow


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
) -> None:
    """y = (x - mean) inverse_std gamma + beta, then an addend of x's size and ReLU, as `post` says.

    x is (N, C, size).  train: mean, inverse_std and variance (biased), each (C,), are computed from
    x and written; otherwise mean and inverse_std are read.  y may be x or the addend.
    """
    if train and x.size:
        assert variance is not None
        mean[...] = x.mean(axis=(0, 2), dtype=np.float64)
        variance[...] = x.var(axis=(0, 2), dtype=np.float64)
        inverse_std[...] = 1 / np.sqrt(x.var(axis=(0, 2), dtype=np.float64) + eps)
    scale = gamma * inverse_std
    normed = (x - mean[:, None]) * scale[:, None] + beta[:, None]
    follow(normed, y, post)


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
) -> None:
    """dx (or None), dgamma, dbeta of batch_norm_forward with the same arguments; dx may be dy.

    What a ReLU stopped is found again from x, unless an addend stood before it: then kept.values
    is its output, and dsum, the gradient of the addend and of the normalised x, is written first:
    dy where that output is positive (or NaN), else 0.
    """
    y = kept.values
    if (y is None) != (dsum is None):
        raise ValueError("batch_norm_backward: kept.values and dsum must both be given, or neither")
    if y is not None and dsum is not None:
        dy = np.where(y <= 0, 0, dy.reshape(y.shape))
        dsum[...] = dy.reshape(dsum.shape)
    dy = dy.reshape(x.shape)
    scale = (gamma * inverse_std)[:, None]
    centred = x - mean[:, None]
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
