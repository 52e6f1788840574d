"""Two-dimensional convolution: checks first, then one of the algorithms of the ladder.

As everywhere in deep learning the operation is a cross-correlation: the kernel is not turned.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from cnnlite.functional import _conv_im2col, _conv_naive, _conv_tiled, _conv_winograd
from cnnlite.functional._checks import Array, IntPair, Padding, check_gradient, contiguous
from cnnlite.functional._circular import wrap_pad, wrap_pad_backward
from cnnlite.functional._conv_behind import Behind, pooled_shape, undo
from cnnlite.functional._conv_choice import Passes, choose
from cnnlite.functional._conv_geometry import (
    ConvGeometry,
    check_operands,
    resolve_geometry,
    resolve_settings,
)


class ConvAlgorithm(Protocol):
    """What a rung of the ladder must have; a module with these functions will do.

    Arrays arrive C-contiguous and checked, of the shapes that the geometry says.  dy is the
    gradient of the convolution itself: what was fused is undone before.  Only `tiled` and
    `winograd`, which are told apart by name in `conv2d_backward`, undo it themselves while they
    read dy: their weight_gradient, and winograd's input_gradient, take a last argument `behind`,
    what forward returned, for which the default stands for nothing.
    """

    def unfit(self, geometry: ConvGeometry) -> str | None:
        """Returns why this algorithm cannot do the job, or None if it can."""

    def forward(
        self,
        x: Array,
        weight: Array,
        bias: Array | None,
        geometry: ConvGeometry,
        relu: bool,
        pool: bool,
    ) -> tuple[Array, Behind]:
        """Returns y, after ReLU and 2x2 max-pooling if asked, and what they leave for backward."""

    def input_gradient(self, dy: Array, weight: Array, geometry: ConvGeometry) -> Array:
        """Returns dx."""

    def weight_gradient(
        self, dy: Array, x: Array, geometry: ConvGeometry, has_bias: bool
    ) -> tuple[Array, Array | None]:
        """Returns dweight, and dbias or None."""


ALGORITHMS: dict[str, ConvAlgorithm] = {
    "naive": _conv_naive,
    "im2col": _conv_im2col,
    "tiled": _conv_tiled,
    "winograd": _conv_winograd,
}


class Conv2dCache(NamedTuple):
    """What the backward pass of a convolution needs."""

    x: Array  # the (circularly padded) images: dweight is their patches times dy
    weight: Array  # dx is the weights times dy
    has_bias: bool  # whether there is a dbias
    geometry: ConvGeometry  # all sizes, as forward resolved them
    passes: Passes  # the rung of the ladder for each pass
    circular: tuple[int, int, int, int]  # padding that x already has; its gradient is folded back
    behind: Behind  # what backward needs of ReLU and pooling, where they were fused


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
        cache for `conv2d_backward`, which refers to x and weight without copying them.  What is
        infinite or NaN goes to the same places whatever the algorithm.  Padding is multiplied like
        every pixel: an infinite weight over it gives NaN, 0 times infinity.

    Raises:
        TypeError: an array is not float32 or float64, or they differ.
        ValueError: shapes or settings do not fit together, the kernel is larger than the padded
            image, or the algorithm is unknown or unfit.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.
    """
    return conv2d_block_forward(
        x, weight, bias, stride, padding, dilation, groups, padding_mode, algorithm
    )


def conv2d_block_forward(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntPair = 1,
    padding: Padding = 0,
    dilation: IntPair = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    algorithm: str = "auto",
    relu: bool = False,
    pool: bool = False,
) -> tuple[Array, Conv2dCache]:
    """Convolution, then ReLU, then 2x2 max-pooling with stride 2: the course's sandwich layer.

    The same bits as `conv2d_forward`, `relu_forward` and `max_pool2d_forward` in turn, in one pass
    over memory; `conv2d_backward` takes its cache, and dy of the last operation's output.

    Args:
        x, weight, bias, stride, padding, dilation, groups, padding_mode, algorithm: as for
            `conv2d_forward`.
        relu: whether ReLU follows.
        pool: whether pooling follows; the convolution's output must be at least 2x2.

    Returns:
        y (N, F, OH, OW), or (N, F, OH//2, OW//2) with pool, and the cache.
    """
    groups = check_operands(x, weight, bias, groups)
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
    if pool and min(geometry.y_shape[2:]) < 2:
        raise ValueError(
            f"MaxPool2d: the 2x2 kernel is larger than the convolution's output {geometry.y_shape}"
        )
    passes = choose(geometry) if algorithm == "auto" else Passes(*[algorithm] * 3)
    rung = _find(passes.forward, geometry)
    bias = None if bias is None else contiguous(bias)
    try:
        y, behind = rung.forward(x, weight, bias, geometry, relu, pool)
    except MemoryError as error:
        raise MemoryError(f"Conv2d: {error} (x {x.shape}, y {geometry.y_shape})") from error
    return y, Conv2dCache(x, weight, bias is not None, geometry, passes, circular, behind)


def conv2d_backward(
    dy: Array, cache: Conv2dCache, need_dx: bool = True
) -> tuple[Array | None, Array, Array | None]:
    """Gradients of a convolution.

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
    geometry, behind = cache.geometry, cache.behind
    shape = geometry.y_shape if behind.argmax is None else pooled_shape(geometry)
    dy = check_gradient("Conv2d", dy, shape, cache.x.dtype)
    dweight_pass = _find(cache.passes.weight_gradient, geometry)
    dx_pass = _find(cache.passes.input_gradient, geometry)
    # A 1x1 convolution's gradient is summed in longer rows than one behind a pooling could be.
    same_sums = behind.argmax is None or not geometry.is_pointwise
    reads = not need_dx or dx_pass is _conv_winograd
    if same_sums and reads and dweight_pass in (_conv_tiled, _conv_winograd):
        # They undo ReLU and pooling while they read dy: the whole gradient is never written.
        dweight, dbias = dweight_pass.weight_gradient(dy, cache.x, geometry, cache.has_bias, behind)
        if not need_dx:
            return None, dweight, dbias
        dx = _conv_winograd.input_gradient(dy, cache.weight, geometry, behind)
    else:
        dy = undo(dy, behind, geometry)
        dweight, dbias = dweight_pass.weight_gradient(dy, cache.x, geometry, cache.has_bias)
        if not need_dx:
            return None, dweight, dbias
        dx = dx_pass.input_gradient(dy, cache.weight, geometry)
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
