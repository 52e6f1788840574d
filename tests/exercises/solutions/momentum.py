# cnnlite exercise: momentum


def sgd_step(w, dw, lr):
    return w - lr * dw


def momentum_step(w, v, dw, lr, momentum):
    new_v = momentum * v + dw
    return w - lr * new_v, new_v


def nesterov_step(w, v, dw, lr, momentum):
    new_v = momentum * v + dw
    return w - lr * (dw + momentum * new_v), new_v
