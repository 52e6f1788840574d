# cnnlite exercise: convolution
import numpy as np


def surround(x, padding):
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def conv_forward(x, w, b, stride, padding):
    x = surround(x, padding)
    f, _, kh, kw = w.shape
    oh = (x.shape[2] - kh) // stride + 1
    ow = (x.shape[3] - kw) // stride + 1
    y = np.zeros((len(x), f, oh, ow), x.dtype)
    for n in range(len(x)):
        for k in range(f):
            for i in range(oh):
                for j in range(ow):
                    window = x[n, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                    y[n, k, i, j] = (window * w[k]).sum() + b[k]
    return y


def conv_backward(dy, x, w, stride, padding):
    x = surround(x, padding)
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    kh, kw = w.shape[2:]
    for n, k, i, j in np.ndindex(*dy.shape):
        rows = slice(i * stride, i * stride + kh)
        columns = slice(j * stride, j * stride + kw)
        dx[n, :, rows, columns] += w[k] * dy[n, k, i, j]
        dw[k] += x[n, :, rows, columns] * dy[n, k, i, j]
    h, w_ = dx.shape[2] - 2 * padding, dx.shape[3] - 2 * padding
    dx = dx[:, :, padding : padding + h, padding : padding + w_]
    return dx, dw, dy.sum(axis=(0, 2, 3))
