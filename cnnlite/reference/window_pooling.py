"""The maximum or the mean of windows of any kind, for inference."""

import numpy as np

from cnnlite.quiet import quiet
from cnnlite.reference.avg_pooling import avg_pool2d_forward
from cnnlite.reference.max_pooling import max_pool2d_forward
from cnnlite.reference.windows import Pair, Sides

__all__ = ["windows_forward"]


@quiet
def windows_forward(
    x: np.ndarray,
    y: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    mean: bool,
    count_padding: bool,
) -> None:
    """Compute the maximum of each window, or its mean.

    Args:
        x: in, (N, C, H, W).
        y: out, (N, D, OH, OW), D at least C; the channels after those of x become 0.
        kernel, stride, dilation: pairs; of a mean the dilation is (1, 1).
        padding: (top, bottom, left, right).
        mean: whether it is the mean: of no pixel at all 0; the maximum of none is -infinity, and
            NaN is the largest.
        count_padding: whether a mean counts the padding's zeros.

    Raises:
        ValueError: shapes that do not belong together.
    """
    channels = x.shape[1]
    if y.shape[0] != x.shape[0] or y.shape[1] < channels or (mean and tuple(dilation) != (1, 1)):
        raise ValueError(
            f"windows_forward: x {x.shape}, y {y.shape} and dilation {dilation} do not belong "
            "together"
        )
    y[:, channels:] = 0
    own = np.empty((x.shape[0], channels, *y.shape[2:]), y.dtype)
    if mean:
        avg_pool2d_forward(x, own, kernel, stride, padding, count_padding)
    else:
        argmax = np.empty(own.shape, np.int32)
        max_pool2d_forward(x, own, argmax, kernel, stride, padding, dilation)
    y[:, :channels] = own
