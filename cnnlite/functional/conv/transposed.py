"""Transposed convolution: the gradient of a convolution, taken forwards.

What a convolution does to the gradient of its images is the forward pass here, its forward pass is
the gradient here, and its weights are the same ones.  So the rungs of the ladder do it, and which
one is chosen as for `conv2d`.  x stands where the convolution has dy, y where it has its images.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnnlite.checks.arrays import Array, check_allocation, check_gradient, contiguous
from cnnlite.checks.numbers import IntPair, flag, pair
from cnnlite.checks.windows import Padding
from cnnlite.functional.conv.choice import Passes
from cnnlite.functional.conv.conv2d import find, rungs_for
from cnnlite.functional.conv.geometry import ConvGeometry, check_operands, resolve_settings
from cnnlite.functional.post_ops import apply, check_post, undo
from cnnlite.functional.statistics import sum_over
from cnnlite.post_ops import NO_POST_OPS, Kept, PostOps
from cnnlite.quiet import quiet

__all__ = ["ConvTranspose2dCache", "conv_transpose2d_backward", "conv_transpose2d_forward"]

NAME = "ConvTranspose2d"


class ConvTranspose2dCache(NamedTuple):
    """What the backward pass of a transposed convolution needs."""

    x: Array  # dweight is its products with dy
    weight: Array  # dx is the convolution of dy with it
    has_bias: bool  # whether there is a dbias
    geometry: ConvGeometry  # of the convolution whose gradient this is
    passes: Passes  # its rung of the ladder for each pass
    y_shape: tuple[int, ...]  # of the convolution's images, or what is cut out of them
    cut: tuple[int, int] | None  # where that begins, top and left; None: it is all of them
    kept: Kept  # what backward needs of the post-ops


@quiet
def conv_transpose2d_forward(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntPair = 1,
    padding: Padding = 0,
    output_padding: IntPair = 0,
    groups: int = 1,
    dilation: IntPair = 1,
    algorithm: str = "auto",
    post: PostOps = NO_POST_OPS,
) -> tuple[Array, ConvTranspose2dCache]:
    """Add each filter, scaled by each pixel, to the output; `torch.nn.functional.conv_transpose2d`.

    Args:
        x: (N, C, H, W), float32 or float64.
        weight: (C, F/groups, KH, KW), of the same dtype.
        bias: (F,) or None.
        stride, dilation: int, pair or tuple of one, in pixels of the output.
        padding: what is cut off the output: int, pair, ((top, bottom), (left, right)), "same" or
            "valid".
        output_padding: int, pair or tuple of one: more rows at the bottom and columns at the right;
            below the stride or the dilation.
        groups: channels and filters are split into this many parts that do not see each other.
        algorithm: "auto" or a key of `ALGORITHMS`.
        post: an activation that follows, with the bits of one after the other.

    Returns:
        y (N, F, OH, OW) with OH = (H-1)*stride - top - bottom + dilation*(KH-1) + output_padding +
        1, and the cache for `conv_transpose2d_backward`, which refers to x and weight without
        copying them.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: shapes or settings do not fit together, nothing is left of the output, or the
            algorithm is unknown or unfit.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
    chapter 4.
    """
    groups = check_operands(NAME, x, weight, bias, groups, transposed=True)
    check_post(NAME, post)
    kernel = (weight.shape[2], weight.shape[3])
    settings = resolve_settings(NAME, kernel, stride, padding, dilation)
    more = resolve_output_padding(output_padding, settings.stride, settings.dilation)
    rows, columns = (
        (x.shape[2 + i] - 1) * settings.stride[i] + settings.dilation[i] * (kernel[i] - 1) + 1
        for i in (0, 1)
    )
    top, bottom, left, right = settings.padding
    size = (rows - top - bottom + more[0], columns - left - right + more[1])
    if min(size) < 1:
        raise ValueError(
            f"{NAME}: padding {settings.padding} (top, bottom, left, right) leaves nothing of the "
            f"{rows} x {columns} pixels that kernel {kernel} makes of x {x.shape}"
        )
    y_shape = (len(x), weight.shape[1] * groups, *size)
    check_allocation(NAME, "the output", y_shape, x.dtype)
    cut = None
    if any(m >= s for m, s in zip(more, settings.stride, strict=True)):
        # The convolution would see one pixel more: it is done without padding, and the output cut
        # out of its images, or continued with zeros.
        cut, size = (top, left), (rows, columns)
        settings = settings._replace(padding=(0, 0, 0, 0))
    geometry = ConvGeometry(
        batch=len(x),
        in_channels=y_shape[1],
        height=size[0],
        width=size[1],
        out_channels=x.shape[1],
        out_height=x.shape[2],
        out_width=x.shape[3],
        kernel=kernel,
        **settings._asdict(),
        groups=groups,
        name=NAME,
    )
    passes = rungs_for(geometry, algorithm)
    rung = find(passes.input_gradient, geometry)
    x, weight = contiguous(x), contiguous(weight)
    try:
        y = rung.input_gradient(x, weight, geometry)
    except MemoryError as error:
        raise MemoryError(f"{NAME}: {error} (x {x.shape}, y {y_shape})") from error
    if cut is not None:
        y = _shifted(y, y_shape, cut)
    if bias is not None:
        y += bias[:, None, None]
    y, kept = apply(y, post)
    cache = ConvTranspose2dCache(x, weight, bias is not None, geometry, passes, y_shape, cut, kept)
    return y, cache


@quiet
def conv_transpose2d_backward(
    dy: Array, cache: ConvTranspose2dCache, need_dx: bool = True
) -> tuple[Array | None, Array, Array | None]:
    """Return the gradients of a transposed convolution.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what `conv_transpose2d_forward` returned; unchanged.
        need_dx: False saves the work for dx.

    Returns:
        dx (N, C, H, W) or None, dweight (C, F/groups, KH, KW), dbias (F,) or None.

    Raises:
        TypeError, ValueError: dy is not what forward's y was.
    """
    need_dx = flag(NAME, "need_dx", need_dx)
    dy = check_gradient(NAME, dy, cache.y_shape, cache.x.dtype)
    dy = undo(dy, cache.kept, cache.y_shape)
    geometry, passes = cache.geometry, cache.passes
    dbias = sum_over(dy, (0, 2, 3)) if cache.has_bias else None
    if cache.cut is not None:
        dy = _shifted(dy, geometry.x_shape, (-cache.cut[0], -cache.cut[1]))
    rung = find(passes.weight_gradient, geometry)
    dweight, _ = rung.weight_gradient(cache.x, dy, geometry, has_bias=False)
    if not need_dx:
        return None, dweight, dbias
    dx, _ = find(passes.forward, geometry).forward(dy, cache.weight, None, geometry, NO_POST_OPS)
    return dx, dweight, dbias


def resolve_output_padding(
    output_padding: IntPair, stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, int]:
    """Return it as a pair.

    Raises:
        ValueError: it is none, or neither below the stride nor below the dilation.
    """
    more = pair(NAME, "output_padding", output_padding, 0)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        raise ValueError(
            f"{NAME}: output_padding is {more}, expected less than stride {stride} or dilation "
            f"{dilation}"
        )
    return more


def _shifted(images: Array, shape: tuple[int, ...], origin: tuple[int, int]) -> Array:
    """Return images of another size, zero where there were none; (0, 0) of them was `origin`."""
    out = np.zeros(shape, images.dtype)
    to, come = [], []
    for start, size, given in zip(origin, shape[2:], images.shape[2:], strict=True):
        low, high = max(0, -start), max(0, -start, min(size, given - start))
        to.append(slice(low, high))
        come.append(slice(low + start, high + start))
    out[:, :, *to] = images[:, :, *come]
    return out
