"""Convolution by Winograd's minimal filtering: stride 1, in fewer multiplications.

The fourth rung of the ladder.  F(4x4, 3x3) makes 16 outputs with 36 products instead of 144,
between transforms that only add and scale; where there are only a few tiles, F(2x2, 3x3) makes 4
with 16 instead of 36.  Kernels of 4 to 8 rows and columns are cut into parts of 4x4: F(4x4, 4x4)
makes 16 outputs of a 7x7 kernel with 196 products instead of 784.  The gradients undo the post-ops
while they read dy (`cnnlite/_ext/engine/winograd/`).  What 3x3 kernels multiply may be rounded to
bfloat16, which machines with AVX512_BF16 multiply twice as fast.

Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
"""

from __future__ import annotations

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array
from cnnlite.functional.conv.choice import LARGE_SIDES, tile_sides
from cnnlite.functional.conv.geometry import ConvGeometry
from cnnlite.functional.post_ops import apply, kept_of, new_output, split
from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, Kept, PostOps


def unfit(geometry: ConvGeometry) -> str | None:
    """Return why this algorithm cannot do the job, or None if it can."""
    kh, kw = geometry.kernel
    if (kh, kw) != (3, 3) and not (kh in LARGE_SIDES and kw in LARGE_SIDES):
        return f"it needs a kernel of 3x3, or of 4 to 8 rows and columns, got {kh}x{kw}"
    if geometry.stride != (1, 1):
        return f"it needs stride 1, got {geometry.stride}"
    if geometry.dilation != (1, 1):
        return f"it needs dilation 1, got {geometry.dilation}"
    return None


def undoes(which: str, kept: Kept, geometry: ConvGeometry) -> bool:
    """Return whether a gradient undoes the post-ops while it reads dy: both do."""
    return kept.activation in (None, "relu")


def forward(
    x: Array, weight: Array, bias: Array | None, geometry: ConvGeometry, post: PostOps
) -> tuple[Array, Kept]:
    """Return y after the post-ops, and what they leave for backward."""
    own, rest = split(post)
    y, argmax = new_output(geometry.y_shape, x.dtype, own)
    where = (geometry.padding, geometry.groups, tile_sides(geometry)[0])
    kernels.conv2d_winograd_forward(x, weight, bias, y, *where, own, argmax, _bfloat16(geometry))
    return (y, kept_of(y, argmax, own)) if rest is NO_POST_OPS else apply(y, rest)


def input_gradient(
    dy: Array, weight: Array, geometry: ConvGeometry, kept: Kept = NOTHING_KEPT
) -> Array:
    """Return dx: the forward pass over dy, with the weights rotated by 180 degrees.

    dy is the gradient of what the post-ops gave, where `kept` says so: they are undone while it
    is read.
    """
    dx = empty(geometry.x_shape, dy.dtype)
    tile = tile_sides(geometry)[1]
    kernels.conv2d_winograd_input_gradient(
        dy, weight, dx, geometry.padding, geometry.groups, tile, kept, _bfloat16(geometry)
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
    dweight = empty(geometry.weight_shape, dy.dtype)
    dbias = empty((geometry.out_channels,), dy.dtype) if has_bias else None
    tile = tile_sides(geometry)[2]
    kernels.conv2d_winograd_weight_gradient(
        x, dy, dweight, dbias, geometry.padding, geometry.groups, tile, kept, _bfloat16(geometry)
    )
    return dweight, dbias


def _bfloat16(geometry: ConvGeometry) -> bool:
    return geometry.multiply == "bfloat16"
