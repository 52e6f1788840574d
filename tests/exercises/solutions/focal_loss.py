# cnnlite exercise: focal-loss
import numpy as np


def effective_number(counts, beta):
    return (1 - beta**counts) / (1 - beta)


def class_weights(counts, beta):
    weight = 1 / effective_number(counts, beta)
    return weight * (len(weight) / weight.sum())


def log_softmax(scores):
    s = scores - scores.max(axis=1, keepdims=True)
    return s - np.log(np.exp(s).sum(axis=1, keepdims=True))


def focal_loss(scores, targets, gamma, weight):
    log_p = log_softmax(scores)[np.arange(len(scores)), targets]
    return -(weight[targets] * (1 - np.exp(log_p)) ** gamma * log_p).mean()


def focal_loss_backward(scores, targets, gamma, weight):
    n = len(scores)
    rows = np.arange(n)
    p = np.exp(log_softmax(scores))
    log_p = log_softmax(scores)[rows, targets]
    miss = 1 - p[rows, targets]
    safe = np.where(miss > 0, miss, 1)
    moving = gamma * p[rows, targets] * log_p * safe ** (gamma - 1) * (miss > 0)
    slope = weight[targets] * (miss**gamma - moving)
    p[rows, targets] -= 1
    return p * slope[:, None] / n
