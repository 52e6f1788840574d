"""Convolution."""

import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnnlite import initializers
from cnnlite.checks.arrays import allocate, float_dtype
from cnnlite.checks.numbers import IntPair, choice, count, flag, pair
from cnnlite.checks.windows import Padding, as_stored, resolve_padding
from cnnlite.functional.conv import ALGORITHMS, PADDING_MODES, conv2d_backward, conv2d_forward
from cnnlite.layers.base import Grads
from cnnlite.layers.fuse import Fusible
from cnnlite.post_ops import PostOps
from cnnlite.random import RngLike, init_generator

__all__ = ["Conv2d"]


class Conv2d(Fusible):
    """Slides filters over images; `torch.nn.Conv2d`.

    params: weight (out_channels, in_channels / groups, KH, KW), bias (out_channels,).

    Args:
        in_channels, out_channels: channels of the images, number of filters.
        kernel_size, stride, dilation: an int, a pair or a tuple of one, in pixels.
        padding: an int, a pair, ((top, bottom), (left, right)), "same" or "valid".
        groups: parts that channels and filters are split into, which do not see each other.
        bias: whether to add a number to each output channel.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        algorithm: "auto", or the rung of the ladder that is to do the work.
        dtype: np.float32 or np.float64.
        rng: where the first weights come from: U(-b, b), b = 1 / sqrt(fan_in), as in PyTorch.

    Raises:
        TypeError, ValueError: an argument is out of range, or groups do not divide the channels.
    """

    takes: ClassVar = frozenset({("relu",), ("pool",), ("relu", "pool"), ("gelu",), ("silu",)})

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
        self.in_channels = count("Conv2d", "in_channels", in_channels)
        self.out_channels = count("Conv2d", "out_channels", out_channels)
        self.groups = count("Conv2d", "groups", groups)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ValueError(
                f"Conv2d: groups is {self.groups}, expected a divisor of in_channels "
                f"{self.in_channels} and of out_channels {self.out_channels}"
            )
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size)
        self.stride = pair("Conv2d", "stride", stride)
        self.dilation = pair("Conv2d", "dilation", dilation)
        resolve_padding("Conv2d", padding, self.kernel_size, self.stride, self.dilation)
        padding = as_stored(padding)
        self.padding = (padding, padding) if isinstance(padding, int) else padding
        self.padding_mode = choice("Conv2d", "padding_mode", padding_mode, PADDING_MODES)
        self.algorithm = choice("Conv2d", "algorithm", algorithm, ("auto", *ALGORITHMS))
        bias = flag("Conv2d", "bias", bias)

        dtype, rng = float_dtype("Conv2d", dtype), init_generator(rng, "Conv2d")
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        axes = "out_channels, in_channels / groups, *kernel_size"
        weight = allocate("Conv2d", "weight", shape, dtype, axes=axes)
        self.params["weight"] = initializers.kaiming_uniform(weight, a=math.sqrt(5), rng=rng)
        if bias:
            bound = 1 / math.sqrt(initializers.fans(weight)[0])
            self.params["bias"] = initializers.uniform(
                allocate("Conv2d", "bias", (self.out_channels,), dtype), -bound, bound, rng
            )

    def forward_post(
        self, x: np.ndarray, train: bool, rng: RngLike, post: PostOps
    ) -> tuple[np.ndarray, Any]:
        return conv2d_forward(
            x,
            self.params["weight"],
            self.params.get("bias"),
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.padding_mode,
            self.algorithm,
            post,
        )

    def backward_post(
        self, dy: np.ndarray, cache: Any, need_dx: bool
    ) -> tuple[np.ndarray | None, Grads, None]:
        dx, dweight, dbias = conv2d_backward(dy, cache, need_dx)
        grads: Grads = {"weight": dweight} if dbias is None else {"weight": dweight, "bias": dbias}
        return dx, grads, None

    def multiply_adds(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> int:
        return math.prod(y_shape) * initializers.fans(self.params["weight"])[0]

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != (0, 0):
            text += f", padding={self.padding}"
        if self.dilation != (1, 1):
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if "bias" not in self.params:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        if self.algorithm != "auto":
            text += f", algorithm={self.algorithm}"
        return text
