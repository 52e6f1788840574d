# cnnlite exercise: max-pool
import numpy as np


def max_pool_forward(x, size, stride):
    oh, ow = ((side - size) // stride + 1 for side in x.shape[2:])
    y = np.empty((*x.shape[:2], oh, ow), x.dtype)
    for i in range(oh):
        for j in range(ow):
            top, left = i * stride, j * stride
            y[:, :, i, j] = x[:, :, top : top + size, left : left + size].max(axis=(2, 3))
    return y


def max_pool_backward(dy, x, size, stride):
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dy.shape):
        rows = slice(i * stride, i * stride + size)
        columns = slice(j * stride, j * stride + size)
        window = x[n, c, rows, columns]
        place = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, rows, columns][place] += dy[n, c, i, j]
    return dx
