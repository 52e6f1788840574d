"""Two-dimensional convolution: checks first, then one of the algorithms of the ladder.

As everywhere in deep learning the operation is a cross-correlation: the kernel is not turned.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from cnnlite.checks.arrays import Array, check_branches, check_gradient, contiguous
from cnnlite.checks.numbers import IntPair, choice, flag
from cnnlite.checks.windows import Padding
from cnnlite.functional.conv import depthwise, im2col, naive, tiled, winograd
from cnnlite.functional.conv.borders import MODES, pad_image, pad_image_backward
from cnnlite.functional.conv.choice import Passes, choose
from cnnlite.functional.conv.geometry import (
    MULTIPLY,
    ConvGeometry,
    ConvSettings,
    check_operands,
    resolve_geometry,
    resolve_settings,
)
from cnnlite.functional.post_ops import check_post, pooled_shape, undo
from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, Kept, PostOps

__all__ = ["Conv2dCache", "conv2d_backward", "conv2d_forward"]


class ConvAlgorithm(Protocol):
    """What a rung of the ladder must have; a module with these functions will do.

    Arrays arrive C-contiguous and checked, of the shapes that the geometry says.
    """

    def unfit(self, geometry: ConvGeometry) -> str | None:
        """Return why this algorithm cannot do the job, or None if it can."""

    def undoes(self, which: str, kept: Kept, geometry: ConvGeometry) -> bool:
        """Return whether "input_gradient" or "weight_gradient" undoes the post-ops itself."""

    def forward(
        self, x: Array, weight: Array, bias: Array | None, geometry: ConvGeometry, post: PostOps
    ) -> tuple[Array, Kept]:
        """Return y after the post-ops, and what they leave for backward."""

    def input_gradient(
        self, dy: Array, weight: Array, geometry: ConvGeometry, kept: Kept = NOTHING_KEPT
    ) -> Array:
        """Return dx; dy is the gradient of the convolution's own output unless `kept` is given."""

    def weight_gradient(
        self,
        dy: Array,
        x: Array,
        geometry: ConvGeometry,
        has_bias: bool,
        kept: Kept = NOTHING_KEPT,
    ) -> tuple[Array, Array | None]:
        """Return dweight, and dbias or None; dy as for `input_gradient`."""


ALGORITHMS: dict[str, ConvAlgorithm] = {
    "naive": naive,
    "im2col": im2col,
    "tiled": tiled,
    "winograd": winograd,
    "depthwise": depthwise,
}
PADDING_MODES = ("zeros", *MODES)
NOT_PADDED = (0, 0, 0, 0)


class Conv2dCache(NamedTuple):
    """What the backward pass of a convolution needs."""

    x: Array  # the images, padded unless with zeros: dweight is their patches times dy
    weight: Array  # dx is the weights times dy
    has_bias: bool  # whether there is a dbias
    geometry: ConvGeometry  # all sizes, as forward resolved them
    passes: Passes  # the rung of the ladder for each pass
    padded: tuple[int, int, int, int]  # padding that x already has; its gradient is folded back
    padding_mode: str  # how
    kept: Kept  # what backward needs of the post-ops


def conv2d_forward(
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
    multiply: str = "float32",
) -> tuple[Array, Conv2dCache]:
    """Slide each filter over the images; `torch.nn.functional.conv2d`.

    Args:
        x: (N, C, H, W), float32 or float64.
        weight: (F, C/groups, KH, KW), of the same dtype.
        bias: (F,) or None.
        stride, dilation: int, pair or tuple of one, in pixels.
        padding: int, pair, ((top, bottom), (left, right)), "same" or "valid".
        groups: channels and filters are split into this many parts that do not see each other.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        algorithm: "auto" or a key of `ALGORITHMS`.
        post: what follows in the same pass over memory, with the bits of one after the other; no
            addend.
        multiply: "bfloat16" rounds what Winograd's rung multiplies in a 3x3 convolution of float32
            to 8 significant bits, forwards and backwards; sums stay float32.  Other convolutions
            are those of "float32".

    Returns:
        y (N, F, OH, OW) with OH = (H + top + bottom - dilation*(KH-1) - 1)//stride + 1 (half of it
        after a pooling), and the cache for `conv2d_backward`, which refers to x and weight without
        copying them.  What is infinite or NaN goes to the same places whatever the algorithm.
        Padding is multiplied like every pixel: an infinite weight over it gives NaN, 0 times
        infinity.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: shapes or settings do not fit together, the kernel is larger than the padded
            image, reflect or circular padding larger than the image allows, or the algorithm is
            unknown or unfit.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.
    """
    groups = check_operands("Conv2d", x, weight, bias, groups)
    check_post("Conv2d", post, pool=True)
    kernel = (weight.shape[2], weight.shape[3])
    settings = resolve_settings("Conv2d", kernel, stride, padding, dilation, x.shape[2:])
    multiply = choice("Conv2d", "multiply", multiply, MULTIPLY)
    rest = settings, groups, padding_mode, algorithm, post, multiply
    return convolve("Conv2d", x, weight, bias, *rest)


def convolve(
    name: str,
    x: Array,
    weight: Array,
    bias: Array | None,
    settings: ConvSettings,
    groups: int,
    padding_mode: str,
    algorithm: str,
    post: PostOps,
    multiply: str = "float32",
) -> tuple[Array, Conv2dCache]:
    """Return what `conv2d_forward` does, of operands and settings that have been checked.

    Args:
        name: the layer, which starts every message; `conv2d_backward` finds it in the cache.
    """
    padded = NOT_PADDED
    if type(padding_mode) is not str or padding_mode != "zeros":
        choice(name, "padding_mode", padding_mode, PADDING_MODES)
        padded = settings.padding
        settings = settings._replace(padding=NOT_PADDED)
    x = contiguous(x) if padded == NOT_PADDED else pad_image(name, x, padded, padding_mode)
    weight = contiguous(weight)
    geometry = resolve_geometry(name, x, weight, settings, groups, multiply)
    if post.pool and min(geometry.y_shape[2:]) < 2:
        raise ValueError(
            f"MaxPool2d: the 2x2 kernel is larger than the convolution's output {geometry.y_shape}"
        )
    if post.addend is not None:
        check_branches(geometry.y_shape, x.dtype, post.addend)
    passes = rungs_for(geometry, algorithm)
    rung = find(passes.forward, geometry)
    bias = None if bias is None else contiguous(bias)
    try:
        y, kept = rung.forward(x, weight, bias, geometry, post)
    except MemoryError as error:
        raise MemoryError(f"{name}: {error} (x {x.shape}, y {geometry.y_shape})") from error
    has_bias = bias is not None
    return y, Conv2dCache(x, weight, has_bias, geometry, passes, padded, padding_mode, kept)


def conv2d_backward(
    dy: Array, cache: Conv2dCache, need_dx: bool = True
) -> tuple[Array | None, Array, Array | None]:
    """Return the gradients of a convolution.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what `conv2d_forward` returned; unchanged.
        need_dx: False saves the work for dx, which a network's first layer has no use for.

    Returns:
        dx (N, C, H, W) or None, dweight (F, C/groups, KH, KW), dbias (F,) or None.  dx is a sum
        over the outputs that there are, dweight a sum over all they see, padding included.

    Raises:
        TypeError, ValueError: dy is not what forward's y was.
    """
    geometry, kept = cache.geometry, cache.kept
    need_dx = flag(geometry.name, "need_dx", need_dx)
    shape = geometry.y_shape if kept.argmax is None else pooled_shape(geometry.y_shape)
    dy = check_gradient(geometry.name, dy, shape, cache.x.dtype)
    weights, inputs = (
        ALGORITHMS[cache.passes.weight_gradient],
        ALGORITHMS[cache.passes.input_gradient],
    )
    if kept is not NOTHING_KEPT and not (
        weights.undoes("weight_gradient", kept, geometry)
        and (not need_dx or inputs.undoes("input_gradient", kept, geometry))
    ):
        dy, kept = undo(dy, kept, geometry.y_shape), NOTHING_KEPT
    dweight, dbias = weights.weight_gradient(dy, cache.x, geometry, cache.has_bias, kept)
    if not need_dx:
        return None, dweight, dbias
    dx = inputs.input_gradient(dy, cache.weight, geometry, kept)
    if cache.padded != NOT_PADDED:
        dx = pad_image_backward(dx, cache.padded, cache.padding_mode)
    return dx, dweight, dbias


def rungs_for(geometry: ConvGeometry, algorithm: str) -> Passes:
    """Return the rung of each pass: what "auto" chooses, or the one that is asked for."""
    choice(geometry.name, "algorithm", algorithm, ("auto", *ALGORITHMS))
    return choose(geometry) if algorithm == "auto" else Passes(*[algorithm] * 3)


def find(rung: str, geometry: ConvGeometry) -> ConvAlgorithm:
    """Return the rung of that name; raise ValueError where it is unfit."""
    algorithm = ALGORITHMS[rung]
    reason = algorithm.unfit(geometry)
    if reason is not None:
        raise ValueError(f"{geometry.name}: algorithm {rung!r} cannot do this: {reason}")
    return algorithm
