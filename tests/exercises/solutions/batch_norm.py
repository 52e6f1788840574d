# cnnlite exercise: batch-norm
import numpy as np


def batch_norm_forward(x, gamma, beta, running_mean, running_var, train, momentum, eps):
    mean, var = running_mean, running_var
    if train:
        mean, var = x.mean(axis=0), x.var(axis=0)
        unbiased = x.var(axis=0, ddof=1)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * unbiased
    y = gamma * (x - mean) / np.sqrt(var + eps) + beta
    return y, running_mean, running_var


def batch_norm_backward(dy, x, gamma, eps):
    std = np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / std
    dgamma = (dy * xhat).sum(axis=0)
    dbeta = dy.sum(axis=0)
    n = len(x)
    dx = gamma / std * (dy - dbeta / n - xhat * dgamma / n)
    return dx, dgamma, dbeta
