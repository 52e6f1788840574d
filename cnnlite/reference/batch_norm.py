"""Batch normalisation (Ioffe and Szegedy 2015), with the ReLU that usually follows it."""

import numpy as np

_quiet = np.errstate(over="ignore", under="ignore", invalid="ignore")


@_quiet
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
    relu: bool,
    addend: np.ndarray | None = None,
    rest: np.ndarray | None = None,
) -> None:
    """y = (x - mean - rest) inverse_std gamma + beta, then max(0, .) with relu; x is (N, C, size).

    An addend, of x's size, is added to y before relu.

    train: mean, inverse_std and variance (biased), each (C,), are computed from x and written, and
    rest, unless None, what rounding took off the mean; otherwise mean, inverse_std and rest (None:
    0) are read.  inverse_std is 0 where it would be 1 / 0.  y may be x or the addend.
    """
    if train and x.size:
        assert variance is not None
        _statistics(x, mean, inverse_std, variance, eps, rest)
    scale = gamma * inverse_std
    normed = _centred(x, mean, rest) * scale[:, None] + beta[:, None]
    if addend is not None:
        normed += addend.reshape(x.shape)
    y[...] = (np.where(normed <= 0, 0, normed) if relu else normed).reshape(y.shape)


@_quiet
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
    relu: bool,
    y: np.ndarray | None = None,
    dsum: np.ndarray | None = None,
    rest: np.ndarray | None = None,
) -> None:
    """dx (or None), dgamma, dbeta of batch_norm_forward with the same arguments; dx may be dy.

    With relu, what ReLU stopped is found again from x: its output is not needed.  Where an addend
    stood before ReLU, relu is False and y is that output: dsum, the gradient of the addend and of
    the normalised x, is written first, dy where y is positive (or NaN), else 0.
    """
    if (y is None) != (dsum is None):
        raise ValueError("batch_norm_backward: y and dsum must both be given, or neither")
    if y is not None and dsum is not None:
        dy = np.where(y <= 0, 0, dy.reshape(y.shape))
        dsum[...] = dy.reshape(dsum.shape)
    dy = dy.reshape(x.shape)
    scale = (gamma * inverse_std)[:, None]
    centred = _centred(x, mean, rest)
    if relu:
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
    inverse = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation != 0)
    inverse_std[...] = np.minimum(inverse, np.finfo(x.dtype).max)
    if rest is not None:
        rest[...] = np.where(np.isfinite(mean), first - mean + left, 0)


def _centred(x: np.ndarray, mean: np.ndarray, rest: np.ndarray | None) -> np.ndarray:
    centred = x - mean[:, None]
    return centred if rest is None else centred - rest[:, None]
