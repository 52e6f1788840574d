"""The engine's convolution without Winograd, with what it can fuse behind: its specification."""

import numpy as np

from cnnlite.reference import conv
from cnnlite.reference.pool2x2 import max_pool2x2_forward, undo
from cnnlite.reference.windows import Pair, Sides

__all__ = [
    "conv2d_tiled_forward",
    "conv2d_tiled_forward_pool",
    "conv2d_tiled_input_gradient",
    "conv2d_tiled_weight_gradient",
]


def conv2d_tiled_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    y: np.ndarray,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    relu: bool,
) -> None:
    """y (N, F, OH, OW) = x (N, C, H, W) * weight (F, C / groups, KH, KW) + bias (F,) or None.

    With relu, max(0, y), with the bits of the same done afterwards.
    """
    conv.conv2d_forward(x, weight, y, stride, padding, dilation, groups)
    if bias is not None:
        y += bias[:, None, None]
    if relu:
        y[y <= 0] = 0


def conv2d_tiled_forward_pool(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    y: np.ndarray,
    argmax: np.ndarray,
    output_size: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    relu: bool,
) -> None:
    """2x2 max-pooling with stride 2 of what conv2d_tiled_forward computes.

    output_size is (OH, OW) of the convolution; y is (N, F, OH // 2, OW // 2), argmax (uint8, the
    shape of y) as of max_pool2x2_forward.
    """
    whole = np.empty((*y.shape[:2], *output_size), y.dtype)
    conv2d_tiled_forward(x, weight, bias, whole, stride, padding, dilation, groups, False)
    max_pool2x2_forward(whole, y, argmax, relu)


def conv2d_tiled_input_gradient(
    dy: np.ndarray,
    weight: np.ndarray,
    dx: np.ndarray,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
) -> None:
    """dx (N, C, H, W) from dy (N, F, OH, OW) and weight (F, C / groups, KH, KW)."""
    conv.conv2d_input_gradient(dy, weight, dx, stride, padding, dilation, groups)


def conv2d_tiled_weight_gradient(
    x: np.ndarray,
    dy: np.ndarray,
    dweight: np.ndarray,
    dbias: np.ndarray | None,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    output_size: Pair | None = None,
    y: np.ndarray | None = None,
    argmax: np.ndarray | None = None,
) -> None:
    """dweight (F, C / groups, KH, KW), and dbias (F,) or None, from x and dy (N, F, OH, OW).

    dy may be the gradient behind a fused ReLU, with its output y, or behind a fused 2x2
    max-pooling, with its argmax; output_size is (OH, OW) then, which dy has no more.
    """
    dy = undo(dy, y, argmax, output_size or dy.shape[2:])
    conv.conv2d_weight_gradient(x, dy, dweight, stride, padding, dilation, groups)
    if dbias is not None:
        dbias[...] = dy.sum(axis=(0, 2, 3), dtype=np.float64)
