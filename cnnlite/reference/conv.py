"""Convolution and its two gradients, one offset of the kernel at a time.

    y[n, o, oh, ow] = sum over c, kh, kw of  x[n, c, row, column] * weight[o, c, kh, kw]

with row and column as in `windows`.  (Strictly this is a correlation; the field calls it a
convolution.)  With groups, the channels of x and of y are cut into that many equal parts, and each
part of y sees its own part of x.  All sums are added in float64 and rounded once.  Padding is
multiplied like every pixel: 0 times an infinite weight makes y NaN, and 0 times an infinite dy
makes dweight NaN.  dx is a sum over the outputs that there are.
"""

import numpy as np

from cnnlite.quiet import quiet
from cnnlite.reference.windows import Pair, Sides, check_shape, check_window, output_sizes, taps

__all__ = ["conv2d_forward", "conv2d_input_gradient", "conv2d_weight_gradient"]


@quiet
def conv2d_forward(
    x: np.ndarray,
    weight: np.ndarray,
    y: np.ndarray,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
) -> None:
    """Convolve images with filters.

    Args:
        x: in, (N, C, H, W).
        weight: in, (O, C / groups, KH, KW).
        y: out, (N, O, OH, OW).
        stride: (SH, SW).
        padding: (top, bottom, left, right), in pixels that read as zero.
        dilation: (DH, DW).
        groups: the number of groups; it divides C and O.

    Raises:
        ValueError: shapes that do not belong together.
    """
    _check("conv2d_forward", x, weight, y, stride, padding, dilation, groups)
    x, padding = _padded(x, padding), (0, 0, 0, 0)
    xs, weights = _grouped(x, groups, 1), _grouped(weight, groups, 0)
    total = np.zeros((y.shape[0], groups, y.shape[1] // groups, *y.shape[2:]))
    for tap in taps(x.shape[2:], y.shape[2:], weight.shape[2:], stride, padding, dilation):
        total[..., *tap.outputs] += np.einsum(
            "ngchw,goc->ngohw", xs[..., *tap.inputs], weights[..., tap.kh, tap.kw], dtype=np.float64
        )
    y[...] = total.reshape(y.shape)


@quiet
def conv2d_input_gradient(
    dy: np.ndarray,
    weight: np.ndarray,
    dx: np.ndarray,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
) -> None:
    """Compute the gradient with respect to the images.

    Args:
        dy: in, (N, O, OH, OW).
        weight: in, (O, C / groups, KH, KW).
        dx: out, (N, C, H, W); what it held is overwritten.
        stride, padding, dilation, groups: as in conv2d_forward.

    Raises:
        ValueError: shapes that do not belong together.
    """
    _check("conv2d_input_gradient", dx, weight, dy, stride, padding, dilation, groups)
    dys, weights = _grouped(dy, groups, 1), _grouped(weight, groups, 0)
    total = np.zeros((dx.shape[0], groups, dx.shape[1] // groups, *dx.shape[2:]))
    for tap in taps(dx.shape[2:], dy.shape[2:], weight.shape[2:], stride, padding, dilation):
        total[..., *tap.inputs] += np.einsum(
            "ngohw,goc->ngchw",
            dys[..., *tap.outputs],
            weights[..., tap.kh, tap.kw],
            dtype=np.float64,
        )
    dx[...] = total.reshape(dx.shape)


@quiet
def conv2d_weight_gradient(
    x: np.ndarray,
    dy: np.ndarray,
    dweight: np.ndarray,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
) -> None:
    """Compute the gradient with respect to the filters, summed over the images.

    Args:
        x: in, (N, C, H, W).
        dy: in, (N, O, OH, OW).
        dweight: out, (O, C / groups, KH, KW); what it held is overwritten.
        stride, padding, dilation, groups: as in conv2d_forward.

    Raises:
        ValueError: shapes that do not belong together.
    """
    _check("conv2d_weight_gradient", x, dweight, dy, stride, padding, dilation, groups)
    x, padding = _padded(x, padding), (0, 0, 0, 0)
    xs, dys = _grouped(x, groups, 1), _grouped(dy, groups, 1)
    for tap in taps(x.shape[2:], dy.shape[2:], dweight.shape[2:], stride, padding, dilation):
        product = np.einsum(
            "ngchw,ngohw->goc", xs[..., *tap.inputs], dys[..., *tap.outputs], dtype=np.float64
        )
        dweight[:, :, tap.kh, tap.kw] = product.reshape(dweight.shape[:2])


def _padded(x: np.ndarray, padding: Sides) -> np.ndarray:
    top, bottom, left, right = padding
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))


def _grouped(array: np.ndarray, groups: int, axis: int) -> np.ndarray:
    """Split one axis in two: (groups, what is left of it)."""
    shape = array.shape
    return array.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def _check(
    function: str,
    x: np.ndarray,
    weight: np.ndarray,
    y: np.ndarray,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
) -> None:
    kernel = weight.shape[2:]
    check_window(function, kernel, stride, padding, dilation)
    (n, c, h, w), o = x.shape, weight.shape[0]
    if groups < 1 or c % groups or o % groups:
        raise ValueError(f"{function}: {groups} groups do not divide {c} and {o} channels")
    oh, ow = output_sizes((h, w), kernel, stride, padding, dilation)
    check_shape(function, "weight", weight.shape, (o, c // groups, *kernel))
    check_shape(function, "y", y.shape, (n, o, oh, ow))
