"""One number in, one number out: ReLU, GELU, sums, and the step of SGD."""

import math

import numpy as np

from cnnlite.post_ops import NO_POST_OPS, PostOps
from cnnlite.quiet import quiet
from cnnlite.reference.post_ops import follow


@quiet
def relu_forward(x: np.ndarray, y: np.ndarray) -> None:
    """Compute y = max(0, x); NaN stays NaN."""
    y[...] = np.where(x <= 0, 0, x)


@quiet
def relu_backward(dy: np.ndarray, y: np.ndarray, dx: np.ndarray) -> None:
    """Compute dx = dy where y, ReLU's output, is positive (or NaN), else 0; dx may be dy."""
    dx[...] = np.where(y <= 0, 0, dy)


def _normal_cdf(x: np.ndarray) -> np.ndarray:
    erf = np.array([math.erf(v) for v in (x.ravel() / math.sqrt(2)).tolist()])
    return (0.5 + 0.5 * erf.reshape(x.shape)).astype(x.dtype)


@quiet
def gelu_forward(x: np.ndarray, y: np.ndarray) -> None:
    """Compute y = x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016)."""
    y[...] = x * _normal_cdf(x)


@quiet
def gelu_backward(dy: np.ndarray, x: np.ndarray, dx: np.ndarray) -> None:
    """Compute dx = dy (Phi(x) + x phi(x)); dx may be dy."""
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    dx[...] = dy * (_normal_cdf(x) + x * density)


@quiet
def add(a: np.ndarray, b: np.ndarray, y: np.ndarray, post: PostOps = NO_POST_OPS) -> None:
    """Compute y = a + b, then ReLU if `post` has it; y may be a or b."""
    follow(a + b, y, post)


@quiet
def sgd_step(
    param: np.ndarray,
    grad: np.ndarray,
    velocity: np.ndarray | None,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> None:
    """Update param, and velocity unless None, in place by one step, as torch.optim.SGD does it."""
    grad = grad + weight_decay * param
    direction = grad
    if velocity is not None:
        velocity[...] = momentum * velocity + grad
        direction = grad + momentum * velocity if nesterov else velocity
    param -= lr * direction
