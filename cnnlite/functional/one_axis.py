"""Operations on (N, C, L), what has a length: those on images, whose height is 1."""

from __future__ import annotations

from cnnlite.checks.arrays import Array, check_gradient, check_images
from cnnlite.checks.numbers import IntPair, choice, flag
from cnnlite.checks.one_axis import check_fit, resolve_pool_window, resolve_window
from cnnlite.checks.windows import Padding
from cnnlite.functional.conv.borders import check_borders
from cnnlite.functional.conv.conv2d import (
    PADDING_MODES,
    Conv2dCache,
    conv2d_backward,
    convolve,
)
from cnnlite.functional.conv.geometry import ConvSettings, check_operands
from cnnlite.functional.pooling import (
    AvgPool2dCache,
    MaxPool2dCache,
    MaxPool2x2Cache,
    avg_pool2d_backward,
    max_pool2d_backward,
    take_maxima,
    take_means,
)
from cnnlite.functional.post_ops import check_post
from cnnlite.post_ops import NO_POST_OPS, PostOps

__all__ = [
    "avg_pool1d_backward", "avg_pool1d_forward", "conv1d_backward", "conv1d_forward",
    "max_pool1d_backward", "max_pool1d_forward",
]  # fmt: skip


def conv1d_forward(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntPair = 1,
    padding: Padding = 0,
    dilation: IntPair = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    algorithm: str = "auto",
    post: PostOps = NO_POST_OPS,
) -> tuple[Array, Conv2dCache]:
    """Slide each filter over the rows; `torch.nn.functional.conv1d`.

    Args:
        x: (N, C, L), float32 or float64.
        weight: (F, C/groups, K), of the same dtype.
        bias: (F,) or None.
        stride, dilation: int or tuple of one.
        padding: int, tuple of one, (left, right), "same" or "valid".
        groups, padding_mode, algorithm: as for `conv2d_forward`.
        post: an activation that follows in the same pass over memory, with the bits of one after
            the other.

    Returns:
        y (N, F, OL) with OL = (L + left + right - dilation*(K-1) - 1)//stride + 1, and the cache
        for `conv1d_backward`, which refers to x and weight without copying them.

    Raises:
        TypeError, ValueError: as `conv2d_forward`.
    """
    groups = check_operands("Conv1d", x, weight, bias, groups, axes=1)
    check_post("Conv1d", post)
    window = resolve_window("Conv1d", weight.shape[2], stride, padding, dilation, x.shape[2])
    check_fit("Conv1d", x.shape[2], window)
    if choice("Conv1d", "padding_mode", padding_mode, PADDING_MODES) != "zeros":
        check_borders("Conv1d", x.shape, window[2][2:], padding_mode)
    row, filters, settings = x[:, :, None], weight[:, :, None], ConvSettings(*window[1:])
    y, cache = convolve(
        "Conv1d", row, filters, bias, settings, groups, padding_mode, algorithm, post
    )
    return y[:, :, 0], cache


def conv1d_backward(
    dy: Array, cache: Conv2dCache, need_dx: bool = True
) -> tuple[Array | None, Array, Array | None]:
    """Return the gradients of a convolution.

    Args:
        dy: gradient with respect to y, (N, F, OL).
        cache: what `conv1d_forward` returned; unchanged.
        need_dx: False saves the work for dx.

    Returns:
        dx (N, C, L) or None, dweight (F, C/groups, K), dbias (F,) or None.

    Raises:
        TypeError, ValueError: dy is not what forward's y was.
    """
    n, f, _, length = cache.geometry.y_shape
    dy = check_gradient("Conv1d", dy, (n, f, length), cache.x.dtype)
    dx, dweight, dbias = conv2d_backward(dy[:, :, None], cache, need_dx)
    return None if dx is None else dx[:, :, 0], dweight[:, :, 0], dbias


def max_pool1d_forward(
    x: Array,
    kernel_size: IntPair,
    stride: IntPair | None = None,
    padding: Padding = 0,
    dilation: IntPair = 1,
    ceil_mode: bool = False,
) -> tuple[Array, MaxPool2dCache | MaxPool2x2Cache]:
    """Take the maximum of every window; `torch.nn.functional.max_pool1d`.

    Args:
        x: (N, C, L), float32 or float64.
        kernel_size, dilation: int or tuple of one.
        stride: the same; None means kernel_size.
        padding: int, tuple of one, (left, right), "same" or "valid"; at most half a kernel.
            Padding never wins.
        ceil_mode: True lets a last window stick out at the end.

    Returns:
        y (N, C, OL) and the cache; NaN, equal maxima and dilated windows as in
        `max_pool2d_forward`.

    Raises:
        TypeError: x is not float32 or float64.
        ValueError: x is not (N, C, L), or a setting does not fit.
    """
    check_images("MaxPool1d", x, axes=1)
    window = resolve_pool_window("MaxPool1d", kernel_size, stride, padding, dilation, x.shape[2])
    ceil_mode = flag("MaxPool1d", "ceil_mode", ceil_mode)
    check_fit("MaxPool1d", x.shape[2], window, ceil_mode)
    y, cache = take_maxima("MaxPool1d", x[:, :, None], window, ceil_mode)
    return y[:, :, 0], cache


def max_pool1d_backward(dy: Array, cache: MaxPool2dCache | MaxPool2x2Cache) -> Array:
    """Give each dy to the element that was the maximum; add up where windows overlap.

    Args:
        dy: (N, C, OL).
        cache: what `max_pool1d_forward` returned; unchanged.

    Returns:
        dx (N, C, L).
    """
    n, c, _, length = cache.argmax.shape
    dy = check_gradient("MaxPool1d", dy, (n, c, length), cache.dtype)
    return max_pool2d_backward(dy[:, :, None], cache)[:, :, 0]


def avg_pool1d_forward(
    x: Array,
    kernel_size: IntPair,
    stride: IntPair | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> tuple[Array, AvgPool2dCache]:
    """Take the mean of every window; `torch.nn.functional.avg_pool1d`.

    Args:
        x, kernel_size, stride, padding, ceil_mode: as for `max_pool1d_forward`.
        count_include_pad: True counts the padding's zeros in the mean.

    Returns:
        y (N, C, OL) and the cache.

    Raises:
        TypeError, ValueError: as `max_pool1d_forward`.
    """
    check_images("AvgPool1d", x, axes=1)
    window = resolve_pool_window("AvgPool1d", kernel_size, stride, padding, length=x.shape[2])
    ceil_mode = flag("AvgPool1d", "ceil_mode", ceil_mode)
    counted = flag("AvgPool1d", "count_include_pad", count_include_pad)
    check_fit("AvgPool1d", x.shape[2], window, ceil_mode)
    y, cache = take_means("AvgPool1d", x[:, :, None], window, ceil_mode, counted)
    return y[:, :, 0], cache


def avg_pool1d_backward(dy: Array, cache: AvgPool2dCache) -> Array:
    """Spread each dy evenly over its window.

    Args:
        dy: (N, C, OL).
        cache: what `avg_pool1d_forward` returned; unchanged.

    Returns:
        dx (N, C, L).
    """
    n, c, _, length = cache.y_shape
    dy = check_gradient("AvgPool1d", dy, (n, c, length), cache.dtype)
    return avg_pool2d_backward(dy[:, :, None], cache)[:, :, 0]
