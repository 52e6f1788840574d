# cnnlite exercise: im2col
import numpy as np


def windows(padded, kernel, stride):
    """Yield (place in the kernel, the pixels that lie under it, a view)."""
    rows = (padded.shape[2] - kernel[0]) // stride + 1
    columns = (padded.shape[3] - kernel[1]) // stride + 1
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            down = slice(i, i + stride * rows, stride)
            yield i * kernel[1] + j, padded[:, :, down, j : j + stride * columns : stride]


def im2col(x, kernel, stride, padding):
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    parts = [view.reshape(*x.shape[:2], -1) for _, view in windows(padded, kernel, stride)]
    stacked = np.stack(parts, axis=2)
    return stacked.reshape(len(x), -1, stacked.shape[3])


def col2im(cols, shape, kernel, stride, padding):
    n, c, h, w = shape
    padded = np.zeros((n, c, h + 2 * padding, w + 2 * padding), cols.dtype)
    apart = cols.reshape(n, c, kernel[0] * kernel[1], -1)
    for place, view in windows(padded, kernel, stride):
        view += apart[:, :, place].reshape(view.shape)
    return padded[:, :, padding : padding + h, padding : padding + w].copy()


def conv_forward(x, w, b, stride, padding):
    cols = im2col(x, w.shape[2:], stride, padding)
    rows = (x.shape[2] + 2 * padding - w.shape[2]) // stride + 1
    y = w.reshape(len(w), -1) @ cols + b[:, None]
    return y.reshape(len(x), len(w), rows, -1)


def conv_backward(dy, x, w, stride, padding):
    flat = dy.reshape(*dy.shape[:2], -1)
    cols = im2col(x, w.shape[2:], stride, padding)
    dcols = w.reshape(len(w), -1).T @ flat
    dx = col2im(dcols, x.shape, w.shape[2:], stride, padding)
    dw = (flat @ cols.swapaxes(1, 2)).sum(axis=0).reshape(w.shape)
    return dx, dw, flat.sum(axis=(0, 2))
