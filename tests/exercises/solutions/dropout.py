# cnnlite exercise: dropout


def dropout_mask(shape, p, rng):
    return rng.random(shape) >= p


def dropout_forward(x, keep, p, train):
    return x * keep / (1 - p) if train else x


def dropout_backward(dy, keep, p, train):
    return dy * keep / (1 - p) if train else dy
