"""The matrix products of a linear layer.

A long sum is cut into blocks of 256 products, or is one of at most 512; sums of blocks are added in
float64.  Order: a depth of more than 512 is cut into equal blocks of at most 512; where there are
few outputs, each of up to 32 parts of it is rounded before they are added one by one.  The forward
pass of at most 4 rows has lanes, each of 4 sums that take turns, over 4096 terms.
"""

import numpy as np

from cnnlite.post_ops import NO_POST_OPS, PostOps
from cnnlite.quiet import quiet
from cnnlite.reference.post_ops import follow

__all__ = ["linear_forward", "linear_input_gradient", "linear_weight_gradient"]

LONGEST_SUM, SUM_BLOCK = 512, 256


@quiet
def linear_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    y: np.ndarray,
    post: PostOps = NO_POST_OPS,
) -> None:
    """Compute y (N, O) = x (N, I) weight (O, I) transposed + bias (O,) or None, then `post`."""
    _check("linear_forward", x, weight, y)
    _multiply(x, weight.T, y)
    if bias is not None:
        y += bias
    follow(y, y, post)


@quiet
def linear_input_gradient(dy: np.ndarray, weight: np.ndarray, dx: np.ndarray) -> None:
    """Compute dx (N, I) = dy (N, O) weight (O, I)."""
    _check("linear_input_gradient", dx, weight, dy)
    _multiply(dy, weight, dx)


@quiet
def linear_weight_gradient(
    x: np.ndarray, dy: np.ndarray, dweight: np.ndarray, dbias: np.ndarray | None
) -> None:
    """Compute dweight (O, I) = dy (N, O) transposed x (N, I), and dbias (O,), the sum of dy."""
    _check("linear_weight_gradient", x, dweight, dy)
    _multiply(dy.T, x, dweight)
    if dbias is not None:
        dbias[...] = dy.sum(axis=0, dtype=np.float64)


def _multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    depth = len(b)
    if depth <= LONGEST_SUM:
        np.matmul(a, b, out=out)
        return
    total = np.zeros(out.shape)
    for first in range(0, depth, SUM_BLOCK):
        total += a[:, first : first + SUM_BLOCK] @ b[first : first + SUM_BLOCK]
    out[...] = total


def _check(kernel: str, x: np.ndarray, weight: np.ndarray, y: np.ndarray) -> None:
    if x.shape[1] != weight.shape[1] or y.shape != (x.shape[0], weight.shape[0]):
        raise ValueError(
            f"{kernel}: inputs {x.shape}, weight {weight.shape} and outputs {y.shape} "
            "do not belong together"
        )
