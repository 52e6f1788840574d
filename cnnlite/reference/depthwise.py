"""Depthwise convolution, as many groups as channels: the specification of its kernels."""

import numpy as np

from cnnlite.post_ops import NO_POST_OPS, PostOps
from cnnlite.reference.tiled import (
    conv2d_tiled_forward,
    conv2d_tiled_input_gradient,
    conv2d_tiled_weight_gradient,
)
from cnnlite.reference.windows import Pair, Sides

__all__ = [
    "conv2d_depthwise_forward",
    "conv2d_depthwise_input_gradient",
    "conv2d_depthwise_weight_gradient",
]


def conv2d_depthwise_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    y: np.ndarray,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    post: PostOps = NO_POST_OPS,
) -> None:
    """Compute y (N, F, OH, OW) = x (N, C, H, W) * weight (F, 1, KH, KW) + bias (F,) or None.

    Filter f sees channel f // (F // C).  ReLU follows if `post` says so, nothing else may.
    Order: the bias, then the taps.
    """
    if post.addend is not None:
        raise ValueError("an addend is given, expected none")
    conv2d_tiled_forward(x, weight, bias, y, stride, padding, dilation, x.shape[1], post)


def conv2d_depthwise_input_gradient(
    dy: np.ndarray, weight: np.ndarray, dx: np.ndarray, stride: Pair, padding: Sides, dilation: Pair
) -> None:
    """Compute dx (N, C, H, W) from dy (N, F, OH, OW) and weight (F, 1, KH, KW).

    Order: filter by filter of a channel, the taps; of more than 512 products, blocks of 256.
    """
    conv2d_tiled_input_gradient(dy, weight, dx, stride, padding, dilation, dx.shape[1])


def conv2d_depthwise_weight_gradient(
    x: np.ndarray,
    dy: np.ndarray,
    dweight: np.ndarray,
    dbias: np.ndarray | None,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
) -> None:
    """Compute dweight (F, 1, KH, KW), and dbias (F,) or None, from x and dy (N, F, OH, OW).

    Order: up to 16 parts of the images; in each, lanes along a row of dy, at most 256 terms to a
    lane.  Several rows of less than half the lanes share them, side by side.
    """
    conv2d_tiled_weight_gradient(x, dy, dweight, dbias, stride, padding, dilation, x.shape[1])
