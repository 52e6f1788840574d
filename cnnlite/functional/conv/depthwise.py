"""Depthwise convolution: each filter sees one channel (groups = channels).

There is nothing for a matrix product to share between filters, so the sums are taken directly, with
neighbouring outputs as the lanes of a vector (`cnnlite/_ext/engine/depthwise/`).

Source: Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision
applications", 2017, section 3.1.
"""

from __future__ import annotations

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array
from cnnlite.functional.conv.geometry import ConvGeometry
from cnnlite.functional.post_ops import apply, kept_of
from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, RELU, Kept, PostOps


def unfit(geometry: ConvGeometry) -> str | None:
    """Return why this algorithm cannot do the job, or None if it can."""
    if geometry.groups != geometry.in_channels:
        return (
            f"it needs as many groups as channels, got {geometry.groups} groups and "
            f"{geometry.in_channels} channels"
        )
    return None


def undoes(which: str, kept: Kept, geometry: ConvGeometry) -> bool:
    """Return whether a gradient undoes the post-ops while it reads dy: here none does."""
    return kept.values is None and kept.argmax is None


def forward(
    x: Array, weight: Array, bias: Array | None, geometry: ConvGeometry, post: PostOps
) -> tuple[Array, Kept]:
    """Return y after the post-ops, and what they leave for backward."""
    own = RELU if post.kinds == RELU.kinds else NO_POST_OPS
    y = empty(geometry.y_shape, x.dtype)
    where = (geometry.stride, geometry.padding, geometry.dilation)
    kernels.conv2d_depthwise_forward(x, weight, bias, y, *where, own)
    return (y, kept_of(y, None, own)) if own == post else apply(y, post)


def input_gradient(
    dy: Array, weight: Array, geometry: ConvGeometry, kept: Kept = NOTHING_KEPT
) -> Array:
    """Return dx."""
    dx = empty(geometry.x_shape, dy.dtype)
    kernels.conv2d_depthwise_input_gradient(
        dy, weight, dx, geometry.stride, geometry.padding, geometry.dilation
    )
    return dx


def weight_gradient(
    dy: Array,
    x: Array,
    geometry: ConvGeometry,
    has_bias: bool,
    kept: Kept = NOTHING_KEPT,
) -> tuple[Array, Array | None]:
    """Return dweight, and dbias or None."""
    g = geometry
    dweight = empty(g.weight_shape, dy.dtype)
    dbias = empty((g.out_channels,), dy.dtype) if has_bias else None
    kernels.conv2d_depthwise_weight_gradient(x, dy, dweight, dbias, g.stride, g.padding, g.dilation)
    return dweight, dbias
