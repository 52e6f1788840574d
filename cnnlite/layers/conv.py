"""Convolution."""

import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnnlite import initializers
from cnnlite.functional._checks import (
    IntPair,
    Padding,
    check_allocation,
    pair,
    resolve_padding,
)
from cnnlite.functional.conv import ALGORITHMS, conv2d_backward, conv2d_forward
from cnnlite.layers._arguments import float_dtype, frozen, integer
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
        kernel_size, stride, dilation: an int or a pair, in pixels.
        padding: an int, a pair, ((top, bottom), (left, right)), "same" or "valid".
        groups: parts that channels and filters are split into, which do not see each other.
        bias: whether to add a number to each output channel.
        padding_mode: "zeros" or "circular".
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
        self.in_channels = integer("Conv2d", "in_channels", in_channels)
        self.out_channels = integer("Conv2d", "out_channels", out_channels)
        self.groups = integer("Conv2d", "groups", groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"Conv2d: groups is {groups}, expected a divisor of in_channels {in_channels} "
                f"and of out_channels {out_channels}"
            )
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size)
        self.stride = pair("Conv2d", "stride", stride)
        self.dilation = pair("Conv2d", "dilation", dilation)
        resolve_padding("Conv2d", padding, self.kernel_size, self.stride, self.dilation)
        padding = frozen(padding)
        self.padding = (padding, padding) if isinstance(padding, int) else padding
        for argument, value, known in (
            ("padding_mode", padding_mode, ("zeros", "circular")),
            ("algorithm", algorithm, ("auto", *ALGORITHMS)),
        ):
            if value not in known:
                raise ValueError(
                    f"Conv2d: {argument} is {value!r}, expected {' or '.join(map(repr, known))}"
                )
        self.padding_mode = padding_mode
        self.algorithm = algorithm

        dtype, rng = float_dtype("Conv2d", dtype), init_generator(rng)
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        check_allocation("Conv2d", "weight", shape, dtype)
        weight = np.empty(shape, dtype)
        self.params["weight"] = initializers.kaiming_uniform(weight, a=math.sqrt(5), rng=rng)
        if bias:
            bound = 1 / math.sqrt(initializers.fans(weight)[0])
            self.params["bias"] = initializers.uniform(
                np.empty(out_channels, dtype), -bound, bound, rng
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
