"""The matrix products of a linear layer."""

import numpy as np

from cnnlite.post_ops import NO_POST_OPS, PostOps
from cnnlite.reference.post_ops import follow

__all__ = ["linear_forward", "linear_input_gradient", "linear_weight_gradient"]


def linear_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    y: np.ndarray,
    post: PostOps = NO_POST_OPS,
) -> None:
    """y (N, O) = x (N, I) weight (O, I) transposed + bias (O,) or None, then ReLU if asked."""
    _check("linear_forward", x, weight, y)
    np.matmul(x, weight.T, out=y)
    if bias is not None:
        y += bias
    follow(y, y, post)


def linear_input_gradient(dy: np.ndarray, weight: np.ndarray, dx: np.ndarray) -> None:
    """dx (N, I) = dy (N, O) weight (O, I)."""
    _check("linear_input_gradient", dx, weight, dy)
    np.matmul(dy, weight, out=dx)


def linear_weight_gradient(
    x: np.ndarray, dy: np.ndarray, dweight: np.ndarray, dbias: np.ndarray | None
) -> None:
    """dweight (O, I) = dy (N, O) transposed x (N, I); dbias (O,) or None = the sum of dy over N."""
    _check("linear_weight_gradient", x, dweight, dy)
    np.matmul(dy.T, x, out=dweight)
    if dbias is not None:
        dbias[...] = dy.sum(axis=0)


def _check(kernel: str, x: np.ndarray, weight: np.ndarray, y: np.ndarray) -> None:
    if x.shape[1] != weight.shape[1] or y.shape != (x.shape[0], weight.shape[0]):
        raise ValueError(
            f"{kernel}: inputs {x.shape}, weight {weight.shape} and outputs {y.shape} "
            "do not belong together"
        )
