"""The shape of one convolution, worked out and checked once; every algorithm starts from it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from cnnlite.checks.arrays import (
    Array,
    check_allocation,
    check_floats,
    check_image_shape,
    check_shape,
)
from cnnlite.checks.numbers import IntPair, count, pair
from cnnlite.checks.windows import Padding, output_size, resolve_padding

MULTIPLY = ("float32", "bfloat16")
"""What Winograd's rung rounds to before it multiplies float32 numbers."""


class ConvGeometry(NamedTuple):
    """All sizes of a convolution; padding is with zeros, any other has been done before."""

    batch: int
    in_channels: int
    height: int
    width: int
    out_channels: int
    out_height: int
    out_width: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]  # top, bottom, left, right
    dilation: tuple[int, int]
    groups: int
    name: str = "Conv2d"  # the layer, which starts every message
    multiply: str = "float32"  # one of MULTIPLY

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)."""
        return self.batch, self.in_channels, self.height, self.width

    @property
    def y_shape(self) -> tuple[int, int, int, int]:
        """(N, F, OH, OW)."""
        return self.batch, self.out_channels, self.out_height, self.out_width

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """(F, C/groups, KH, KW)."""
        return self.out_channels, self.in_channels // self.groups, *self.kernel

    @property
    def window(
        self,
    ) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int, int, int], tuple[int, int]]:
        """(kernel, stride, padding, dilation), as the kernels take them."""
        return self.kernel, self.stride, self.padding, self.dilation

    @property
    def patch_size(self) -> int:
        """Numbers in one patch over all channels: C*KH*KW."""
        return self.in_channels * self.kernel[0] * self.kernel[1]

    @property
    def windows(self) -> int:
        """Positions of the kernel in one image: OH*OW."""
        return self.out_height * self.out_width

    @property
    def is_pointwise(self) -> bool:
        """True where the image already is the matrix of its patches (1x1, stride 1, no padding)."""
        return self.kernel == (1, 1) and self.stride == (1, 1) and self.padding == (0, 0, 0, 0)


class ConvSettings(NamedTuple):
    """The arguments of a convolution in their one internal spelling."""

    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]


def check_operands(
    name: str,
    x: Array,
    weight: Array,
    bias: Array | None,
    groups: int,
    axes: int = 2,
    transposed: bool = False,
) -> int:
    """Raise unless x, weight and bias belong together.

    Args:
        name: the layer, which starts every message.
        x, weight, bias, groups: the operands.
        axes: which the windows move along, 2 for images.
        transposed: whether the weight begins with the input channels, not the output channels.

    Returns:
        groups as a Python int, whose products do not overflow.

    Raises:
        TypeError: not all float32 or all float64, or groups is no integer.
        ValueError: a shape does not fit the others, or groups does not divide the channels.
    """
    if bias is None:
        check_floats(name, x=x, weight=weight)
    else:
        check_floats(name, x=x, weight=weight, bias=bias)
    check_image_shape(name, x, axes)
    first, second = ("in", "out") if transposed else ("out", "in")
    if weight.ndim != 2 + axes or 0 in weight.shape:
        kernel = "KH, KW" if axes == 2 else "K"
        raise ValueError(
            f"{name}: weight must have shape ({first}_channels, {second}_channels/groups, "
            f"{kernel}), none of them 0, got {weight.shape}"
        )
    groups = count(name, "groups", groups)
    if len(weight) % groups:
        raise ValueError(
            f"{name}: groups={groups} does not divide the {len(weight)} {first}put channels "
            f"(weight {weight.shape})"
        )
    channels, filters = weight.shape[1] * groups, len(weight)
    if transposed:
        channels, filters = filters, channels
    if x.shape[1] != channels:
        in_groups = f" in {groups} groups" if groups > 1 and not transposed else ""
        raise ValueError(
            f"{name}: x has {x.shape[1]} channels, weight expects {channels}{in_groups} "
            f"(x {x.shape}, weight {weight.shape})"
        )
    check_shape(name, "bias", bias, (filters,))
    return groups


def resolve_settings(
    name: str,
    kernel: tuple[int, int],
    stride: IntPair,
    padding: Padding,
    dilation: IntPair,
    size: tuple[int, int] | None = None,
) -> ConvSettings:
    """Turn what the caller wrote into pairs and four sides of padding of an image of that size."""
    tuples = type(stride) is type(padding) is type(dilation) is tuple
    if tuples and set(map(type, (*stride, *padding, *dilation))) == {int}:  # type: ignore[misc]
        return _known_settings(name, kernel, stride, padding, dilation)
    # True and 1.0 would be found under 1, and lists are not hashable.
    return _settings(name, kernel, stride, padding, dilation, size)


def _settings(
    name: str,
    kernel: tuple[int, int],
    stride: IntPair,
    padding: Padding,
    dilation: IntPair,
    size: tuple[int, int] | None = None,
) -> ConvSettings:
    strides = pair(name, "stride", stride)
    dilations = pair(name, "dilation", dilation)
    return ConvSettings(
        strides, resolve_padding(name, padding, kernel, strides, dilations, size), dilations
    )


_known_settings = lru_cache(maxsize=1024)(_settings)  # a network asks for few in each step


def resolve_geometry(
    name: str,
    x: Array,
    weight: Array,
    settings: ConvSettings,
    groups: int,
    multiply: str = "float32",
) -> ConvGeometry:
    """Work out the sizes of a convolution whose operands have been checked.

    Raises:
        ValueError: the kernel does not fit the padded image, or the output cannot be addressed.
    """
    return _resolve(name, x.shape, weight.shape, settings, groups, multiply, x.dtype)


@lru_cache(maxsize=1024)  # a network asks for its few shapes in each step
def _resolve(
    name: str,
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    settings: ConvSettings,
    groups: int,
    multiply: str,
    dtype: np.dtype[Any],
) -> ConvGeometry:
    n, c, h, w = x_shape
    filters, _, *kernel_size = weight_shape
    kernel = (kernel_size[0], kernel_size[1])
    rows, columns = output_size(name, (h, w), kernel, *settings)
    geometry = ConvGeometry(
        n, c, h, w, filters, rows, columns, kernel, *settings, groups, name, multiply
    )
    check_allocation(name, "the output", geometry.y_shape, dtype)
    return geometry
