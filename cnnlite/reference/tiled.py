"""The engine's convolution without Winograd, with its post-ops: the specification."""

import numpy as np

from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, Kept, PostOps
from cnnlite.quiet import quiet
from cnnlite.reference import conv
from cnnlite.reference.post_ops import follow, undo
from cnnlite.reference.windows import Pair, Sides, output_sizes

__all__ = ["conv2d_tiled_forward", "conv2d_tiled_input_gradient", "conv2d_tiled_weight_gradient"]


@quiet
def conv2d_tiled_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    y: np.ndarray,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    post: PostOps = NO_POST_OPS,
    argmax: np.ndarray | None = None,
) -> None:
    """Compute y (N, F, OH, OW) = x (N, C, H, W) * weight (F, C / groups, KH, KW) + bias or 0.

    Then `post`: ReLU, and 2x2 max-pooling, for which y is (N, F, OH // 2, OW // 2) and
    argmax as of max_pool2x2_forward; with the bits of the same done afterwards.  Order: the bias,
    channel by channel the taps; of more than 512 products, blocks of 256.
    """
    rows, columns = output_sizes(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    whole = np.empty((x.shape[0], weight.shape[0], rows, columns), y.dtype)
    conv.conv2d_forward(x, weight, whole, stride, padding, dilation, groups)
    if bias is not None:
        whole += bias[:, None, None]
    follow(whole, y, post, argmax)


@quiet
def conv2d_tiled_input_gradient(
    dy: np.ndarray,
    weight: np.ndarray,
    dx: np.ndarray,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
) -> None:
    """Compute dx (N, C, H, W) from dy (N, F, OH, OW) and weight (F, C / groups, KH, KW).

    Order: as the forward pass, of the filters and the taps that reach a pixel.
    """
    conv.conv2d_input_gradient(dy, weight, dx, stride, padding, dilation, groups)


@quiet
def conv2d_tiled_weight_gradient(
    x: np.ndarray,
    dy: np.ndarray,
    dweight: np.ndarray,
    dbias: np.ndarray | None,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    kept: Kept = NOTHING_KEPT,
) -> None:
    """Compute dweight (F, C / groups, KH, KW), and dbias (F,) unless None, from x and dy.

    dy is the gradient of what followed, and has its shape, if `kept` says so.  Order: up to 16
    parts of the images; in each, steps of at most 256 pixels, 64 steps added one by one; of dbias,
    lanes.
    """
    size = output_sizes(x.shape[2:], dweight.shape[2:], stride, padding, dilation)
    dy = undo(dy, kept, size)
    conv.conv2d_weight_gradient(x, dy, dweight, stride, padding, dilation, groups)
    if dbias is not None:
        dbias[...] = dy.sum(axis=(0, 2, 3), dtype=np.float64)
