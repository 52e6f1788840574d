"""Convolution."""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnnlite import initializers
from cnnlite.checks import one_axis
from cnnlite.checks.arrays import allocate, float_dtype
from cnnlite.checks.numbers import IntPair, choice, count, flag, pair
from cnnlite.checks.windows import ANY_SIZE, Padding, as_stored, resolve_padding
from cnnlite.functional.conv import (
    ALGORITHMS,
    MULTIPLY,
    PADDING_MODES,
    conv2d_backward,
    conv2d_forward,
)
from cnnlite.functional.conv.transposed import (
    conv_transpose2d_backward,
    conv_transpose2d_forward,
    resolve_output_padding,
)
from cnnlite.functional.one_axis import conv1d_backward, conv1d_forward
from cnnlite.layers.base import Grads
from cnnlite.layers.fuse import Fusible
from cnnlite.post_ops import PostOps
from cnnlite.random import RngLike, init_generator

__all__ = ["Conv1d", "Conv2d", "ConvTranspose2d"]


class _Conv(Fusible):
    """What convolutions share: channels, weights, and how they are called and printed."""

    operation: ClassVar[tuple[Callable[..., Any], Callable[..., Any]]]  # forward and backward
    settings: ClassVar[tuple[str, ...]] = (  # the attributes that forward takes
        "stride", "padding", "dilation", "groups", "padding_mode", "algorithm",
    )  # fmt: skip
    padding_modes: ClassVar[Sequence[str]] = PADDING_MODES
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    output_padding: tuple[int, ...] = ()
    image_size: ClassVar[tuple[int, int] | None] = ANY_SIZE  # by which "same" goes; None: by none
    padding: Any  # a word, or one or two numbers for each axis

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntPair,
        stride: IntPair = 1,
        padding: Padding = 0,
        dilation: IntPair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        algorithm: str = "auto",
        dtype: npt.DTypeLike = np.float32,
        rng: RngLike = None,
    ) -> None:
        name = type(self).__name__
        self.in_channels = count(name, "in_channels", in_channels)
        self.out_channels = count(name, "out_channels", out_channels)
        self.groups = count(name, "groups", groups)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ValueError(
                f"{name}: groups is {self.groups}, expected a divisor of in_channels "
                f"{self.in_channels} and of out_channels {self.out_channels}"
            )
        self._set_window(kernel_size, stride, padding, dilation)
        self.padding_mode = choice(name, "padding_mode", padding_mode, self.padding_modes)
        self.algorithm = choice(name, "algorithm", algorithm, ("auto", *ALGORITHMS))
        bias = flag(name, "bias", bias)

        dtype, rng = float_dtype(name, dtype), init_generator(rng, name)
        shape, axes = self._weight_shape()
        weight = allocate(name, "weight", shape, dtype, axes=axes)
        self.params["weight"] = initializers.kaiming_uniform(weight, a=math.sqrt(5), rng=rng)
        if bias:
            bound = 1 / math.sqrt(initializers.fans(weight)[0])
            self.params["bias"] = initializers.uniform(
                allocate(name, "bias", (self.out_channels,), dtype), -bound, bound, rng
            )

    def _set_window(
        self, kernel_size: IntPair, stride: IntPair, padding: Padding, dilation: IntPair
    ) -> None:
        """Set the attributes of these names, a tuple each: here those of images."""
        name = type(self).__name__
        self.kernel_size = pair(name, "kernel_size", kernel_size)
        self.stride = pair(name, "stride", stride)
        self.dilation = pair(name, "dilation", dilation)
        window = self.kernel_size, self.stride, self.dilation
        resolve_padding(name, padding, *window, self.image_size)
        padding = as_stored(padding)
        self.padding = (padding, padding) if isinstance(padding, int) else padding

    def _weight_shape(self) -> tuple[tuple[int, ...], str]:
        """Return the weight's shape, and what it is made of."""
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        return shape, "out_channels, in_channels / groups, *kernel_size"

    def forward_post(
        self, x: np.ndarray, train: bool, rng: RngLike, post: PostOps
    ) -> tuple[np.ndarray, Any]:
        settings = {name: getattr(self, name) for name in self.settings}
        weight, bias = self.params["weight"], self.params.get("bias")
        return self.operation[0](x, weight, bias, **settings, post=post)

    def backward_post(
        self, dy: np.ndarray, cache: Any, need_dx: bool
    ) -> tuple[np.ndarray | None, Grads, None]:
        dx, dweight, dbias = self.operation[1](dy, cache, need_dx)
        grads: Grads = {"weight": dweight} if dbias is None else {"weight": dweight, "bias": dbias}
        return dx, grads, None

    def multiply_adds(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> int:
        return math.prod(y_shape) * initializers.fans(self.params["weight"])[0]

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != (0,) * len(self.padding):
            text += f", padding={self.padding}"
        if self.dilation != (1,) * len(self.dilation):
            text += f", dilation={self.dilation}"
        if any(self.output_padding):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if "bias" not in self.params:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        if self.algorithm != "auto":
            text += f", algorithm={self.algorithm}"
        return text


class Conv2d(_Conv):
    """Slide filters over images; `torch.nn.Conv2d`.

    params: weight (out_channels, in_channels / groups, KH, KW), bias (out_channels,).

    Args:
        in_channels, out_channels: channels of the images, number of filters.
        kernel_size, stride, dilation: an int, a pair or a tuple of one, in pixels.
        padding: an int, a pair, ((top, bottom), (left, right)), "valid" (none) or "same": the
            output has ceil(size / stride) pixels, and an odd remainder goes to the bottom and
            right, as in TensorFlow.
        groups: the parts, not connected to each other, that channels and filters are split into.
        bias: whether to add a number to each output channel.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        algorithm: "auto", or the rung of the ladder that is to do the work.
        dtype: np.float32 or np.float64.
        rng: where the first weights come from: U(-b, b), b = 1 / sqrt(fan_in), as in PyTorch.
        multiply: "float32", or "bfloat16": what 3x3 convolutions with stride 1 multiply is rounded
            to it, with any weights, activations and sums in float32.  It is faster where
            `cnnlite doctor` says that the machine has paired products, and rounds to 8 bits.

    Raises:
        TypeError, ValueError: an argument is out of range, or groups do not divide the channels.
    """

    takes: ClassVar = frozenset({("relu",), ("pool",), ("relu", "pool"), ("gelu",), ("silu",)})
    new_dx: ClassVar = True
    operation: ClassVar = (conv2d_forward, conv2d_backward)
    settings: ClassVar = (*_Conv.settings, "multiply")
    multiply = "float32"  # of layers that were pickled before there was a choice

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntPair,
        stride: IntPair = 1,
        padding: Padding = 0,
        dilation: IntPair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        algorithm: str = "auto",
        dtype: npt.DTypeLike = np.float32,
        rng: RngLike = None,
        multiply: str = "float32",
    ) -> None:
        self.multiply = choice("Conv2d", "multiply", multiply, MULTIPLY)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode, algorithm, dtype, rng,
        )  # fmt: skip

    def extra_repr(self) -> str:
        more = "" if self.multiply == "float32" else f", multiply={self.multiply}"
        return super().extra_repr() + more


class Conv1d(_Conv):
    """Slide filters over rows (N, C, L); `torch.nn.Conv1d`.

    params: weight (out_channels, in_channels / groups, K), bias (out_channels,).

    Args:
        in_channels, out_channels: channels of the rows, number of filters.
        kernel_size, stride, dilation: an int or a tuple of one.
        padding: an int, a tuple of one, (left, right), "same" or "valid".
        groups, bias, padding_mode, algorithm, dtype, rng: as for Conv2d.

    Raises:
        TypeError, ValueError: an argument is out of range, or groups do not divide the channels.
    """

    takes: ClassVar = frozenset({("relu",), ("gelu",), ("silu",)})
    new_dx: ClassVar = True
    operation: ClassVar = (conv1d_forward, conv1d_backward)

    def _set_window(
        self, kernel_size: IntPair, stride: IntPair, padding: Padding, dilation: IntPair
    ) -> None:
        window = one_axis.resolve_window("Conv1d", kernel_size, stride, padding, dilation)
        self.kernel_size, self.stride, self.dilation = (window[i][1:] for i in (0, 1, 3))
        stored = one_axis.as_stored(padding, window)
        self.padding = (stored,) if isinstance(stored, int) else stored


class ConvTranspose2d(_Conv):
    """Add filters, scaled by each pixel, to larger images; `torch.nn.ConvTranspose2d`.

    It is the gradient of a Conv2d from out_channels to in_channels with respect to its images.

    params: weight (in_channels, out_channels / groups, KH, KW), bias (out_channels,).

    Args:
        in_channels, out_channels: channels of the images, and of the output.
        kernel_size, stride, dilation: an int, a pair or a tuple of one, in pixels of the output.
        padding: what is cut off the output, spelt as for Conv2d; "same" needs stride 1.
        output_padding: an int, a pair or a tuple of one: more rows at the bottom and columns at the
            right of the output, fewer than the stride or the dilation.
        groups, bias, algorithm, dtype, rng: as for Conv2d; fan_in is out_channels / groups * KH *
            KW, as in PyTorch.
        padding_mode: "zeros".

    Raises:
        TypeError, ValueError: an argument is out of range, or groups do not divide the channels.
    """

    takes: ClassVar = frozenset({("relu",), ("gelu",), ("silu",)})
    new_dx: ClassVar = True
    operation: ClassVar = (conv_transpose2d_forward, conv_transpose2d_backward)
    settings: ClassVar = (
        "stride", "padding", "output_padding", "groups", "dilation", "algorithm",
    )  # fmt: skip
    padding_modes: ClassVar = ("zeros",)
    image_size: ClassVar = None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntPair,
        stride: IntPair = 1,
        padding: Padding = 0,
        output_padding: IntPair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: IntPair = 1,
        padding_mode: str = "zeros",
        algorithm: str = "auto",
        dtype: npt.DTypeLike = np.float32,
        rng: RngLike = None,
    ) -> None:
        strides, dilations = (
            pair("ConvTranspose2d", name, value)
            for name, value in (("stride", stride), ("dilation", dilation))
        )
        self.output_padding = resolve_output_padding(output_padding, strides, dilations)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode, algorithm, dtype, rng,
        )  # fmt: skip

    def _weight_shape(self) -> tuple[tuple[int, ...], str]:
        shape = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        return shape, "in_channels, out_channels / groups, *kernel_size"

    def multiply_adds(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> int:
        return math.prod(x_shape) * initializers.fans(self.params["weight"])[0]
