"""Two-dimensional convolution: checks first, then one of the algorithms of the ladder.

As everywhere in deep learning the operation is a cross-correlation: the kernel is not turned.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from cnnlite.functional import _conv_im2col, _conv_naive
from cnnlite.functional._checks import Array, IntPair, Padding, check_gradient, contiguous
from cnnlite.functional._circular import wrap_pad, wrap_pad_backward
from cnnlite.functional._conv_geometry import (
    ConvGeometry,
    check_operands,
    resolve_geometry,
    resolve_settings,
)


class ConvAlgorithm(Protocol):
    """What a rung of the ladder must have; a module with these functions will do.

    Arrays arrive C-contiguous and checked, of the shapes that the geometry says.
    """

    def unfit(self, geometry: ConvGeometry) -> str | None:
        """Returns why this algorithm cannot do the job, or None if it can."""

    def forward(self, x: Array, weight: Array, bias: Array | None, geometry: ConvGeometry) -> Array:
        """Returns y."""

    def input_gradient(self, dy: Array, weight: Array, geometry: ConvGeometry) -> Array:
        """Returns dx."""

    def weight_gradient(self, dy: Array, x: Array, geometry: ConvGeometry) -> Array:
        """Returns dweight."""


ALGORITHMS: dict[str, ConvAlgorithm] = {"naive": _conv_naive, "im2col": _conv_im2col}


def choose_algorithm(geometry: ConvGeometry) -> str:
    """Returns the name of the algorithm that "auto" stands for.

    By shape alone, never by timing, so that the same network gives the same bits every time.
    """
    return "im2col"


class Conv2dCache(NamedTuple):
    """What the backward pass of a convolution needs."""

    x: Array  # the (circularly padded) images: dweight is their patches times dy
    weight: Array  # dx is the weights times dy
    has_bias: bool  # whether there is a dbias
    geometry: ConvGeometry  # all sizes, as forward resolved them
    algorithm: str  # the rung that ran, so that both passes are of one kind
    circular: tuple[int, int, int, int]  # padding that x already has; its gradient is folded back


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
) -> tuple[Array, Conv2dCache]:
    """Slides each filter over the images; `torch.nn.functional.conv2d`.

    Args:
        x: (N, C, H, W), float32 or float64.
        weight: (F, C/groups, KH, KW), of the same dtype.
        bias: (F,) or None.
        stride, dilation: int or pair, in pixels.
        padding: int, pair, ((top, bottom), (left, right)), "same" or "valid".
        groups: channels and filters are split into this many parts that do not see each other.
        padding_mode: "zeros" or "circular".
        algorithm: "auto" or a key of `ALGORITHMS`.

    Returns:
        y (N, F, OH, OW) with OH = (H + top + bottom - dilation*(KH-1) - 1)//stride + 1, and the
        cache for `conv2d_backward`, which refers to x and weight without copying them.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: shapes or settings do not fit together, the kernel is larger than the padded
            image, or the algorithm is unknown or unfit.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.
    """
    check_operands(x, weight, bias, groups)
    settings = resolve_settings((weight.shape[2], weight.shape[3]), stride, padding, dilation)
    circular = (0, 0, 0, 0)
    if padding_mode == "circular":
        circular = settings.padding
        settings = settings._replace(padding=(0, 0, 0, 0))
    elif padding_mode != "zeros":
        raise ValueError(
            f"Conv2d: padding_mode must be 'zeros' or 'circular', got {padding_mode!r}"
        )
    x = wrap_pad("Conv2d", x, circular) if any(circular) else contiguous(x)
    weight = contiguous(weight)
    geometry = resolve_geometry(x, weight, settings, groups)
    name = choose_algorithm(geometry) if algorithm == "auto" else algorithm
    y = _find(name, geometry).forward(
        x, weight, None if bias is None else contiguous(bias), geometry
    )
    return y, Conv2dCache(x, weight, bias is not None, geometry, name, circular)


def conv2d_backward(
    dy: Array, cache: Conv2dCache, need_dx: bool = True
) -> tuple[Array | None, Array, Array | None]:
    """Gradients of a convolution.

    Args:
        dy: gradient with respect to y, of y's shape and dtype.
        cache: what `conv2d_forward` returned; unchanged.
        need_dx: False saves the work for dx, which a network's first layer has no use for.

    Returns:
        dx (N, C, H, W) or None, dweight (F, C/groups, KH, KW), dbias (F,) or None.

    Raises:
        TypeError, ValueError: dy is not what forward's y was.
    """
    geometry = cache.geometry
    dy = check_gradient("Conv2d", dy, geometry.y_shape, cache.x.dtype)
    algorithm = _find(cache.algorithm, geometry)
    # Planes first: NumPy sums contiguous numbers pairwise, which keeps float32 accurate.
    dbias = dy.sum(axis=(2, 3)).sum(axis=0) if cache.has_bias else None
    dweight = algorithm.weight_gradient(dy, cache.x, geometry)
    if not need_dx:
        return None, dweight, dbias
    dx = algorithm.input_gradient(dy, cache.weight, geometry)
    if any(cache.circular):
        dx = wrap_pad_backward(dx, cache.circular)
    return dx, dweight, dbias


def _find(name: str, geometry: ConvGeometry) -> ConvAlgorithm:
    if name not in ALGORITHMS:
        raise ValueError(f"Conv2d: algorithm must be one of {['auto', *ALGORITHMS]}, got {name!r}")
    algorithm = ALGORITHMS[name]
    reason = algorithm.unfit(geometry)
    if reason is not None:
        raise ValueError(f"Conv2d: algorithm {name!r} cannot do this: {reason}")
    return algorithm
