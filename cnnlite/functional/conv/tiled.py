"""Convolution as an implicit matrix product, in the engine's register-blocked kernel.

The third rung of the ladder.  Patches are never written out as a matrix: the kernel reads them
where they are, or from a copy of a few rows that stays in the first-level cache
(`cnnlite/_ext/engine/conv/correlate.h`).
"""

from __future__ import annotations

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array
from cnnlite.functional.conv.geometry import ConvGeometry
from cnnlite.functional.post_ops import apply, kept_of, new_output, split
from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, Kept, PostOps


def unfit(geometry: ConvGeometry) -> str | None:
    """Return why this algorithm cannot do the job: never, it does every one."""
    return None


def undoes(which: str, kept: Kept, geometry: ConvGeometry) -> bool:
    """Return whether a gradient undoes the post-ops while it reads dy.

    The weight gradient does, except that of a 1x1 convolution before a pooling: it adds up whole
    planes, which a pooled dy cannot be read as.
    """
    pointwise = kept.argmax is not None and geometry.is_pointwise
    return which == "weight_gradient" and kept.activation in (None, "relu") and not pointwise


def forward(
    x: Array, weight: Array, bias: Array | None, geometry: ConvGeometry, post: PostOps
) -> tuple[Array, Kept]:
    """Return y after the post-ops, and what they leave for backward."""
    own, rest = split(post) if post.addend is None else (NO_POST_OPS, post)
    y, argmax = new_output(geometry.y_shape, x.dtype, own)
    where = (geometry.stride, geometry.padding, geometry.dilation, geometry.groups)
    kernels.conv2d_tiled_forward(x, weight, bias, y, *where, own, argmax)
    return (y, kept_of(y, argmax, own)) if rest is NO_POST_OPS else apply(y, rest)


def input_gradient(
    dy: Array, weight: Array, geometry: ConvGeometry, kept: Kept = NOTHING_KEPT
) -> Array:
    """Return dx."""
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
    kept: Kept = NOTHING_KEPT,
) -> tuple[Array, Array | None]:
    """Return dweight, and dbias or None.

    dy is the gradient of what the post-ops gave, where `kept` says so: they are undone while it
    is read.
    """
    g = geometry
    dweight = empty(g.weight_shape, dy.dtype)
    dbias = empty((g.out_channels,), dy.dtype) if has_bias else None
    where = (g.stride, g.padding, g.dilation, g.groups)
    kernels.conv2d_tiled_weight_gradient(x, dy, dweight, dbias, *where, kept)
    return dweight, dbias
