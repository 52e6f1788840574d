"""Convolution as an implicit matrix product, in the engine's register-blocked kernel.

The third rung of the ladder.  Patches are never written out as a matrix: the kernel reads them
where they are, or from a copy of a few rows that stays in the first-level cache
(`cnnlite/_ext/engine/correlate.h`).
"""

from __future__ import annotations

import numpy as np

from cnnlite._backend import empty, kernels
from cnnlite.checks.arrays import Array
from cnnlite.functional._conv_behind import NOTHING, Behind, pooled_shape
from cnnlite.functional._conv_geometry import ConvGeometry


def unfit(geometry: ConvGeometry) -> str | None:
    """Returns why this algorithm cannot do the job: never, it does every one."""
    return None


def forward(
    x: Array, weight: Array, bias: Array | None, geometry: ConvGeometry, relu: bool, pool: bool
) -> tuple[Array, Behind]:
    """Returns y, after ReLU and pooling if asked, and what they leave for backward."""
    g = geometry
    where = (g.stride, g.padding, g.dilation, g.groups, relu)
    if pool:
        y = empty(pooled_shape(g), x.dtype)
        argmax = empty(y.shape, np.uint8)
        size = (g.out_height, g.out_width)
        kernels.conv2d_tiled_forward_pool(x, weight, bias, y, argmax, size, *where)
        return y, Behind(None, argmax)
    y = empty(g.y_shape, x.dtype)
    kernels.conv2d_tiled_forward(x, weight, bias, y, *where)
    return y, Behind(y, None) if relu else NOTHING


def input_gradient(dy: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """Returns dx."""
    dx = empty(geometry.x_shape, dy.dtype)
    kernels.conv2d_tiled_input_gradient(
        dy, weight, dx, geometry.stride, geometry.padding, geometry.dilation, geometry.groups
    )
    return dx


def weight_gradient(
    dy: Array,
    x: Array,
    geometry: ConvGeometry,
    has_bias: bool,
    behind: Behind = NOTHING,
) -> tuple[Array, Array | None]:
    """Returns dweight, and dbias or None.

    With `behind`, dy is the gradient of what was fused, which is undone while dy is read.
    """
    g = geometry
    dweight = empty(g.weight_shape, dy.dtype)
    dbias = empty((g.out_channels,), dy.dtype) if has_bias else None
    where = (g.stride, g.padding, g.dilation, g.groups, (g.out_height, g.out_width))
    kernels.conv2d_tiled_weight_gradient(x, dy, dweight, dbias, *where, *behind)
    return dweight, dbias
