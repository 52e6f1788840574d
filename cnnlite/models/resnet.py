"""Residual networks for CIFAR.

Source:
    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016,
    section 4.2: three stages of n blocks with 16, 32 and 64 filters, 6n + 2 layers in all.
"""

import numpy as np
import numpy.typing as npt

from cnnlite import initializers
from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import check_floats, check_shape, contiguous
from cnnlite.checks.numbers import choice, count, integer
from cnnlite.layers import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    Layer,
    ReLU,
    Residual,
    Sequential,
)
from cnnlite.layers.base import Grads
from cnnlite.models._images import CIFAR, Builder
from cnnlite.random import RngLike

__all__ = ["ZeroPadShortcut", "resnet20", "resnet32", "resnet_cifar"]

WIDTHS = (16, 32, 64)
"""Filters of the three stages; each but the first begins by halving the image."""


class ZeroPadShortcut(Layer):
    """Takes every stride-th pixel, and adds channels of zeros: the paper's option A.

    Args:
        in_channels, out_channels: channels of the input and of the output; the new ones are last.
        stride: from pixel to pixel, in both directions.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        name = "ZeroPadShortcut"
        self.in_channels = count(name, "in_channels", in_channels)
        self.out_channels = integer(name, "out_channels", out_channels, self.in_channels)
        self.stride = count(name, "stride", stride)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, tuple[int, ...]]:
        check_floats("ZeroPadShortcut", x=x)
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f"ZeroPadShortcut: x has shape {x.shape}, expected (N, {self.in_channels}, H, W)"
            )
        y = empty(self._output_shape(x.shape), x.dtype)
        kernels.zero_pad_shortcut_forward(contiguous(x), y, self.stride)
        return y, x.shape

    def backward(
        self, dy: np.ndarray, cache: tuple[int, ...], need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        if not need_dx:
            return None, {}
        check_shape("ZeroPadShortcut", "dy", dy, self._output_shape(cache))
        dx = empty(cache, dy.dtype)
        kernels.zero_pad_shortcut_backward(contiguous(dy), dx, self.stride)
        return dx, {}

    def _output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        rows, columns = (-(-size // self.stride) for size in shape[2:])
        return shape[0], self.out_channels, rows, columns

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, stride={self.stride}"


def resnet_cifar(
    depth: int,
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    shortcut: str = "identity",
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """Return a residual network of any depth.

    Args:
        depth: layers with weights, 6n + 2 for n blocks a stage: 8, 14, 20, 32, 44, 56, 110.
        num_classes: outputs.
        input_shape: (channels, height, width) of an image.
        shortcut: where the shape changes, "identity" is the paper's option A without parameters,
            "projection" its option B, a 1x1 convolution with batch normalisation.
        dtype: np.float32 or np.float64.
        rng: where the first weights come from; convolutions get He's, as in the paper.

    Returns:
        Conv2d - BatchNorm2d - ReLU, blocks (each a Residual and a ReLU), AdaptiveAvgPool2d(1) -
        Flatten - Linear.

    Raises:
        ValueError: the depth is not 6n + 2, or the shortcut is unknown.
    """
    name = "resnet_cifar"
    blocks, rest = divmod(integer(name, "depth", depth, 8) - 2, 6)
    if rest:
        raise ValueError(f"{name}: depth is {depth}, expected 6n + 2 (8, 14, 20, ...)")
    choice(name, "shortcut", shortcut, ("identity", "projection"))
    builder = Builder(name, num_classes, input_shape, dtype, rng)
    channels = WIDTHS[0]
    model = Sequential(*_conv_norm(builder, builder.channels, channels), ReLU())
    for width in WIDTHS:
        for _ in range(blocks):
            model.append(_block(builder, channels, width, shortcut)).append(ReLU())
            channels = width
    return builder.finish(model.append(AdaptiveAvgPool2d(1)), features=channels)


def resnet20(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    shortcut: str = "identity",
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """Return the residual network of 20 layers, 0.27 million parameters; see `resnet_cifar`."""
    return resnet_cifar(20, num_classes, input_shape, shortcut, dtype, rng)


def resnet32(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    shortcut: str = "identity",
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """Return the residual network of 32 layers, 0.46 million parameters; see `resnet_cifar`."""
    return resnet_cifar(32, num_classes, input_shape, shortcut, dtype, rng)


def _block(builder: Builder, channels: int, width: int, shortcut: str) -> Residual:
    """Return two 3x3 convolutions and their shortcut; the image is halved if the width grows."""
    stride = 1 if channels == width else 2
    first = _conv_norm(builder, channels, width, stride=stride)
    body = Sequential(*first, ReLU(), *_conv_norm(builder, width, width))
    if channels == width:
        return Residual(body)
    if shortcut == "identity":
        return Residual(body, ZeroPadShortcut(channels, width, stride))
    return Residual(body, Sequential(*_conv_norm(builder, channels, width, 1, stride)))


def _conv_norm(
    builder: Builder, channels: int, width: int, kernel_size: int = 3, stride: int = 1
) -> tuple[Conv2d, BatchNorm2d]:
    options, padding = builder.options, kernel_size // 2
    conv = Conv2d(channels, width, kernel_size, stride, padding=padding, bias=False, **options)
    weight = conv.params["weight"]
    initializers.kaiming_normal(weight, nonlinearity="relu", rng=options["rng"])
    return conv, BatchNorm2d(width, dtype=options["dtype"])
