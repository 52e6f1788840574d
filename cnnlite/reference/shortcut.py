"""The shortcut without parameters around a residual block that halves the image.

Source: He et al., "Deep residual learning for image recognition", CVPR 2016, section 4.2, option A.
"""

import numpy as np

from cnnlite.quiet import quiet
from cnnlite.reference.windows import check_shape

__all__ = ["zero_pad_shortcut_backward", "zero_pad_shortcut_forward"]


@quiet
def zero_pad_shortcut_forward(x: np.ndarray, y: np.ndarray, stride: int) -> None:
    """Take every stride-th pixel, and add channels of zeros.

    Args:
        x: in, (N, C, H, W).
        y: out, (N, F, OH, OW) with F at least C, OH = ceil(H / stride), OW = ceil(W / stride).
        stride: from pixel to pixel, in both directions.

    Raises:
        ValueError: shapes that do not belong together, or a stride below 1.
    """
    _check("zero_pad_shortcut_forward", x, y, stride)
    channels = x.shape[1]
    y[:, :channels] = x[:, :, ::stride, ::stride]
    y[:, channels:] = 0


@quiet
def zero_pad_shortcut_backward(dy: np.ndarray, dx: np.ndarray, stride: int) -> None:
    """Bring the gradient back to the pixels that were taken; the others' is 0.

    Args:
        dy: in, of the shape of y.
        dx: out, of the shape of x.
        stride: as in the forward pass.

    Raises:
        ValueError: as in the forward pass.
    """
    _check("zero_pad_shortcut_backward", dx, dy, stride)
    dx[...] = 0
    dx[:, :, ::stride, ::stride] = dy[:, : dx.shape[1]]


def _check(function: str, x: np.ndarray, y: np.ndarray, stride: int) -> None:
    if stride < 1:
        raise ValueError(f"{function}: stride is {stride}, expected at least 1")
    n, channels, height, width = x.shape
    rows, columns = -(-height // stride), -(-width // stride)
    check_shape(function, "y", y.shape, (n, max(channels, y.shape[1]), rows, columns))
