"""Convolution by Winograd's minimal filtering: 3x3 with stride 1, in fewer multiplications.

The fourth rung of the ladder.  F(4x4, 3x3) makes 16 outputs with 36 products instead of 144,
between transforms that only add and scale; where there are only a few tiles, F(2x2, 3x3) makes 4
with 16 instead of 36.  The gradients undo what was fused behind while they read dy
(`cnnlite/_ext/engine/winograd.h`).

Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
"""

from __future__ import annotations

import numpy as np

from cnnlite._backend import empty, kernels
from cnnlite.checks.arrays import Array
from cnnlite.functional._conv_behind import NOTHING, Behind, pooled_shape
from cnnlite.functional._conv_choice import tile_sides
from cnnlite.functional._conv_geometry import ConvGeometry


def unfit(geometry: ConvGeometry) -> str | None:
    """Returns why this algorithm cannot do the job, or None if it can."""
    if geometry.kernel != (3, 3):
        return f"it needs a 3x3 kernel, got {geometry.kernel[0]}x{geometry.kernel[1]}"
    if geometry.stride != (1, 1):
        return f"it needs stride 1, got {geometry.stride}"
    if geometry.dilation != (1, 1):
        return f"it needs dilation 1, got {geometry.dilation}"
    return None


def forward(
    x: Array, weight: Array, bias: Array | None, geometry: ConvGeometry, relu: bool, pool: bool
) -> tuple[Array, Behind]:
    """Returns y, after ReLU and pooling if asked, and what they leave for backward."""
    where = (geometry.padding, geometry.groups, relu, tile_sides(geometry)[0])
    if pool:
        y = empty(pooled_shape(geometry), x.dtype)
        argmax = empty(y.shape, np.uint8)
        kernels.conv2d_winograd_forward_pool(x, weight, bias, y, argmax, *where)
        return y, Behind(None, argmax)
    y = empty(geometry.y_shape, x.dtype)
    kernels.conv2d_winograd_forward(x, weight, bias, y, *where)
    return y, Behind(y, None) if relu else NOTHING


def input_gradient(
    dy: Array, weight: Array, geometry: ConvGeometry, behind: Behind = NOTHING
) -> Array:
    """Returns dx: the forward pass over dy, with the weights turned by half a turn.

    With `behind`, dy is the gradient of what was fused, which is undone while dy is read.
    """
    dx = empty(geometry.x_shape, dy.dtype)
    tile = tile_sides(geometry)[1]
    kernels.conv2d_winograd_input_gradient(
        dy, weight, dx, geometry.padding, geometry.groups, tile, *behind
    )
    return dx


def weight_gradient(
    dy: Array,
    x: Array,
    geometry: ConvGeometry,
    has_bias: bool,
    behind: Behind = NOTHING,
) -> tuple[Array, Array | None]:
    """Returns dweight, and dbias or None."""
    dweight = empty(geometry.weight_shape, dy.dtype)
    dbias = empty((geometry.out_channels,), dy.dtype) if has_bias else None
    tile = tile_sides(geometry)[2]
    kernels.conv2d_winograd_weight_gradient(
        x, dy, dweight, dbias, geometry.padding, geometry.groups, tile, *behind
    )
    return dweight, dbias
