"""Filters that whiten patches of images, with bits that no linear-algebra library decides."""

from __future__ import annotations

import math

import numpy as np

from cnnlite.backend import kernels
from cnnlite.checks.arrays import check_array, check_writeable
from cnnlite.checks.numbers import real
from cnnlite.functional import im2col

__all__ = ["eigenvectors", "whitening"]

BLOCK = 64  # images whose patches are held at once
SWEEPS = 60  # far more than are needed


def whitening(array: np.ndarray, images: np.ndarray, eps: float = 5e-4) -> np.ndarray:
    """Make a convolution whiten its input: filters that are the directions in which patches vary.

    Each eigenvector of the patches' second moments is divided by the root of its eigenvalue, so
    that all filters give outputs of mean square 1 that do not correlate.  The filters are these,
    from the largest eigenvalue down, and then the same with the other sign, for an activation such
    as ReLU that passes one sign only.  Twice in * kh * kw filters hold all of them: with fewer the
    smallest eigenvalues are left out, and further filters stay as they are.  Such a layer is
    usually frozen, but for its bias: ``freeze_layers(model, "0.weight")``.

    Args:
        array: weight of a convolution without groups, (out, in, kh, kw).
        images: (N, in, H, W), float32 or float64, as the network sees them; some thousands.
        eps: added to the eigenvalues, so that noise is not blown up.

    Returns:
        The array.

    Raises:
        ValueError, TypeError: shapes or dtypes do not fit, or an image is not finite.

    Source:
        Coates, Ng and Lee, "An analysis of single-layer networks in unsupervised feature
        learning", AISTATS 2011, section 3.1.2; D. Page, "How to train your ResNet 8: bag of
        tricks", 2019; K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024,
        section 3.2, whose eps this is.
    """
    check_writeable("whitening", "array", array)
    check_array("whitening", "images", images)
    eps = real("whitening", "eps", eps, 0)
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(f"whitening: array has shape {array.shape}, expected (out, in, kh, kw)")
    channels, *window = array.shape[1:]
    if images.dtype.kind != "f":
        raise TypeError(f"whitening: images are {images.dtype}, expected float32 or float64")
    fits = images.ndim == 4 and images.shape[1] == channels and len(images)
    if not fits or any(size < k for size, k in zip(images.shape[2:], window, strict=True)):
        raise ValueError(
            f"whitening: images have the shape {images.shape}, expected (N, {channels}, H, W) of "
            f"at least {window[0]}x{window[1]} pixels (array {array.shape})"
        )
    values, vectors = eigenvectors(_moments(images, (window[0], window[1])))
    half = min(len(values), (len(array) + 1) // 2)
    scaled = vectors[:half] / np.sqrt(np.maximum(values[:half, None], 0) + eps)
    filters = np.concatenate([scaled, -scaled])[: len(array)]
    array[: len(filters)] = filters.reshape(-1, *array.shape[1:])
    return array


def _moments(images: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """Return the mean of patch * patch transposed over all patches, float64 (d, d)."""
    size = images.shape[1] * window[0] * window[1]
    total, product, count = np.zeros((size, size)), np.empty((size, size)), 0
    for start in range(0, len(images), BLOCK):
        for patches in im2col(images[start : start + BLOCK].astype(np.float64), window):
            kernels.linear_forward(patches, patches, None, product)
            total += product
            count += patches.shape[1]
    if not np.isfinite(total).all():
        raise ValueError("whitening: images hold NaN or infinity")
    return total / count


def eigenvectors(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues of a symmetric matrix, the largest first, and its eigenvectors.

    The largest number of each eigenvector is positive.

    Args:
        matrix: float64 (d, d); a small one, for each sweep takes d * d / 2 rotations.

    Returns:
        Eigenvalues (d,), and eigenvectors of length 1 as rows (d, d).

    Source: Golub and Van Loan, Matrix computations, 4th edition, 2013, algorithm 8.5.3 (Jacobi).
    """
    a, size = matrix.astype(np.float64), len(matrix)
    rows = np.eye(size)
    for _ in range(SWEEPS):
        limit = 1e-17 * float(np.abs(np.diagonal(a)).max(initial=0.0))
        turned = False
        for p in range(size - 1):
            for q in range(p + 1, size):
                if abs(a[p, q]) <= limit:
                    continue
                turned = True
                c, s = _rotation(float(a[p, p]), float(a[p, q]), float(a[q, q]))
                for array in (a, a.T, rows):
                    up, low = array[p].copy(), array[q].copy()
                    array[p], array[q] = c * up - s * low, s * up + c * low
                a[p, q] = a[q, p] = 0.0
        if not turned:
            break
    values = np.diagonal(a)
    order = np.argsort(-values, kind="stable")
    rows = rows[order]
    largest = rows[np.arange(size), np.abs(rows).argmax(axis=1)]
    return values[order], rows * np.where(largest < 0, -1.0, 1.0)[:, None]


def _rotation(p: float, between: float, q: float) -> tuple[float, float]:
    """Return cosine and sine of the turn that makes [[p, between], [between, q]] diagonal."""
    tau = (q - p) / (2 * between)
    root = math.sqrt(1 + tau * tau)
    tangent = 1 / (tau + root) if tau >= 0 else 1 / (tau - root)
    cosine = 1 / math.sqrt(1 + tangent * tangent)
    return cosine, tangent * cosine
