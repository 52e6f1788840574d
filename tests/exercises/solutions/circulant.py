# cnnlite exercise: circulant
import numpy as np


def shift(x, steps):
    return np.roll(x, steps)


def circulant(w):
    n = len(w)
    i, j = np.indices((n, n))
    return w[(i - j) % n]


def cyclic_convolve(x, w):
    return circulant(w) @ x


def commutator(c):
    p = circulant(np.eye(len(c))[1])
    return p @ c - c @ p


def cyclic_convolve_backward(dy, x, w):
    return circulant(w).T @ dy, circulant(x).T @ dy
