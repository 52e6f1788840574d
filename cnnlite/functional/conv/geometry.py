"""The shape of one convolution, worked out and checked once; every algorithm starts from it."""

from __future__ import annotations

from typing import NamedTuple

from cnnlite.checks.arrays import Array, check_allocation, check_floats, check_images, check_shape
from cnnlite.checks.numbers import IntPair, count, pair
from cnnlite.checks.windows import Padding, output_size, resolve_padding


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


def check_operands(x: Array, weight: Array, bias: Array | None, groups: int) -> int:
    """Raise unless x, weight and bias belong together.

    Returns:
        groups as a Python int, whose products do not overflow.

    Raises:
        TypeError: not all float32 or all float64, or groups is no integer.
        ValueError: a shape does not fit the others, or groups does not divide the channels.
    """
    check_images("Conv2d", x)
    check_floats("Conv2d", x=x, weight=weight, bias=bias, optional=["bias"])
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(
            "Conv2d: weight must have shape (out_channels, in_channels/groups, KH, KW), none of "
            f"them 0, got {weight.shape}"
        )
    groups = count("Conv2d", "groups", groups)
    if weight.shape[0] % groups:
        raise ValueError(
            f"Conv2d: groups={groups} does not divide the {weight.shape[0]} output channels "
            f"(weight {weight.shape})"
        )
    if x.shape[1] != weight.shape[1] * groups:
        in_groups = f" in {groups} groups" if groups > 1 else ""
        raise ValueError(
            f"Conv2d: x has {x.shape[1]} channels, weight expects {weight.shape[1] * groups}"
            f"{in_groups} (x {x.shape}, weight {weight.shape})"
        )
    check_shape("Conv2d", "bias", bias, (weight.shape[0],))
    return groups


def resolve_settings(
    kernel: tuple[int, int], stride: IntPair, padding: Padding, dilation: IntPair
) -> ConvSettings:
    """Turn what the caller wrote into pairs and four sides of padding."""
    strides = pair("Conv2d", "stride", stride)
    dilations = pair("Conv2d", "dilation", dilation)
    return ConvSettings(
        strides, resolve_padding("Conv2d", padding, kernel, strides, dilations), dilations
    )


def resolve_geometry(x: Array, weight: Array, settings: ConvSettings, groups: int) -> ConvGeometry:
    """Work out the sizes of a convolution whose operands have been checked.

    Raises:
        ValueError: the kernel does not fit the padded image, or the output cannot be addressed.
    """
    n, c, h, w = x.shape
    kernel = (weight.shape[2], weight.shape[3])
    rows, columns = output_size("Conv2d", (h, w), kernel, *settings)
    geometry = ConvGeometry(n, c, h, w, weight.shape[0], rows, columns, kernel, *settings, groups)
    check_allocation("Conv2d", "the output", geometry.y_shape, x.dtype)
    return geometry
