"""Circular convolution as a matrix: circulants, shifts, the DFT.

A signal is an array with any number of axes: a row of pixels (N,), a video of such rows (T, N), a
video of images (T, H, W).  Everything is periodic in each axis.  Matrices act on signals that are
flattened in C order.
"""

from collections.abc import Callable

import numpy as np


def convolve(k: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the circular convolution by definition: (k * x)[n] = sum over m of k[m] x[n - m].

    Args:
        k, x: two signals of one shape; indices are taken modulo the lengths of the axes.

    Returns:
        A signal of that shape.
    """
    y = np.zeros(x.shape, np.result_type(k, x))
    for m in np.ndindex(k.shape):
        y += k[m] * shift(x, m)
    return y


def shift(x: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    """Return S x, (S x)[n] = x[n - steps]: what leaves on one side comes back on the other."""
    return np.roll(x, steps, axis=tuple(range(x.ndim)))


def circulant(k: np.ndarray) -> np.ndarray:
    """Return the matrix C of x -> k * x.

    For one axis it is C[n, m] = k[n - m]: each row is the row above, shifted by one.  For several
    axes it is a circulant of circulants: as k[n - m] is then a smaller signal, the block (n, m) is
    that signal's circulant.  A video's blocks are its frames.

    Args:
        k: a signal.

    Returns:
        An array (k.size, k.size), with C @ x.ravel() = convolve(k, x).ravel().

    Source: Davis, "Circulant Matrices", 1979, sections 3.1 and 5.8.
    """
    n = np.arange(len(k))
    if k.ndim == 1:
        return k[n[:, None] - n]  # a negative index counts from the end, and so is modulo N
    blocks = [circulant(frame) for frame in k]
    return np.block([[blocks[i - j] for j in n] for i in n])


def seen_shifted(A: np.ndarray, shape: tuple[int, ...], steps: tuple[int, ...]) -> np.ndarray:
    """Return S A S^-1, the map A as it looks when everything is shifted; A itself if A S = S A.

    The matrix of a shift is a permutation, so the rows and the columns of A change places.
    """
    order = shift(np.arange(len(A)).reshape(shape), steps).ravel()
    return A[np.ix_(order, order)]


def dft_matrix(shape: tuple[int, ...]) -> np.ndarray:
    """Return the unitary matrix F of the discrete Fourier transform over all axes.

    For one axis F[f, n] = exp(-2 pi i f n / N) / sqrt(N); for several, it is their Kronecker
    product.  The theorem: for every circulant C of a signal k,

        F C F^H = diag(k^),   k^ = np.fft.fftn(k).ravel(),

    so that all circulants of one shape have the same eigenvectors (the columns of F^H), commute,
    and C x = k * x costs no more than a few fast Fourier transforms.

    Source: Gray, "Toeplitz and Circulant Matrices: A Review", 2006, section 3.1.
    """
    F = np.ones((1, 1))
    for length in shape:
        n = np.arange(length)
        F = np.kron(F, np.exp(-2j * np.pi * np.outer(n, n) / length) / np.sqrt(length))
    return F


def impulse_response(
    linear_map: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]
) -> np.ndarray:
    """Return the kernel of a linear map T that commutes with shifts: k = T delta.

    The theorem: such a T is the circular convolution with k.  For a signal x is the sum of its
    samples, each times a shifted impulse, x = sum_m x[m] S^m delta, and so

        T x = sum_m x[m] T S^m delta = sum_m x[m] S^m T delta = sum_m x[m] S^m k = k * x,

    first because T is linear, then because it commutes with S.

    Args:
        linear_map: takes a signal and returns one of the same shape.
        shape: of the signals.
    """
    delta = np.zeros(shape)
    delta[(0,) * len(shape)] = 1
    return linear_map(delta)


def equivariant_part(A: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the mean over all shifts S of S A S^-1: the shift-equivariant map nearest to A.

    It commutes with every shift, because shifting once more only changes the order of the sum; and
    a map that commutes already is its own mean.  So the means of random matrices are random among
    all linear shift-equivariant maps, and convolution is nowhere put into them.
    """
    total = sum(seen_shifted(A, shape, steps) for steps in np.ndindex(shape))
    return np.asarray(total / np.prod(shape))
