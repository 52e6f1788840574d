"""Sliding windows: every spelling of their settings, and how many fit an image."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from cnnlite.checks.numbers import LARGEST, IntPair, pair, shown, two_integers

__all__ = [
    "ANY_SIZE",
    "Padding",
    "Window",
    "as_stored",
    "output_size",
    "resolve_padding",
    "resolve_pool_window",
    "same_padding",
    "windows_along",
    "windows_of_pixel",
]

Padding: TypeAlias = int | str | Sequence[int] | Sequence[Sequence[int]]
Sides: TypeAlias = tuple[int, int, int, int]
Pair: TypeAlias = tuple[int, int]
Window: TypeAlias = tuple[Pair, Pair, Sides, Pair]
"""(kernel, stride, padding, dilation), as the kernels take them."""
ANY_SIZE: Pair = (1, 1)
"""An image's size, where settings are checked before there is an image."""


def as_stored(value: Any) -> Any:
    """Return a setting that was checked as a string, a Python int, or tuples of two of them.

    What a caller does to the list that was given must not change the layer.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, list | tuple):
        return int(value)
    return tuple(map(as_stored, value * 2 if len(value) == 1 else value))


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """Return the padding before and after along one axis that gives ceil(size / stride) windows.

    An odd remainder goes after.

    Source: TensorFlow's "SAME", for stride 1 PyTorch's "same" too.
    """
    windows = -(-size // stride)
    total = max(0, (windows - 1) * stride + dilation * (kernel - 1) + 1 - size)
    return total // 2, total - total // 2


def resolve_padding(
    name: str,
    padding: Padding,
    kernel: Pair,
    stride: Pair,
    dilation: Pair,
    size: Pair | None = None,
) -> Sides:
    """Return what any spelling of padding stands for, as (top, bottom, left, right) in pixels.

    Args:
        name: the layer or function, for the message.
        padding: an int, a pair, a tuple of one, ((top, bottom), (left, right)), "valid" (none) or
            "same" (the output is as large as the input over the stride, rounded up; an odd
            remainder goes to the bottom and right).
        kernel, stride, dilation: pairs; "same" needs them.
        size: (height, width) of the image, on which "same" with a stride above 1 depends; None
            where there is none.

    Raises:
        ValueError: any other spelling, a negative number, or "same" with a stride above 1 and no
            size.
    """
    if isinstance(padding, str):
        if padding == "valid":
            return 0, 0, 0, 0
        if padding == "same":
            if size is None and stride != (1, 1):
                raise ValueError(f"{name}: padding 'same' needs stride 1, got stride {stride}")
            rows, columns = map(same_padding, size or ANY_SIZE, kernel, stride, dilation)
            return *rows, *columns
    else:
        both = two_integers(padding, 0)
        if both is not None:
            return both[0], both[0], both[1], both[1]
        if isinstance(padding, tuple | list) and len(padding) == 2:
            rows_and_columns = [_two_sides(sides) for sides in padding]
            if None not in rows_and_columns:
                return (*rows_and_columns[0], *rows_and_columns[1])  # type: ignore[misc]
    raise ValueError(
        f"{name}: padding must be an int or a pair from 0 to {LARGEST}, "
        f"((top, bottom), (left, right)), 'same' or 'valid', got {shown(padding)}"
    )


def resolve_pool_window(
    name: str,
    kernel_size: IntPair,
    stride: IntPair | None,
    padding: Padding,
    dilation: IntPair = 1,
    size: Pair = ANY_SIZE,
) -> Window:
    """Return the window of a pooling.

    Args:
        name: the layer or function, for the message.
        kernel_size, dilation: an int, a pair or a tuple of one.
        stride: likewise; None stands for the kernel's size.
        padding, size: as for `resolve_padding`; at most half of what the kernel spans.

    Raises:
        ValueError: a setting is anything else, or out of range.
    """
    kernel = pair(name, "kernel_size", kernel_size)
    strides = kernel if stride is None else pair(name, "stride", stride)
    dilations = pair(name, "dilation", dilation)
    sides = resolve_padding(name, padding, kernel, strides, dilations, size)
    extent = _extent(kernel, dilations)
    if max(sides[:2]) > extent[0] // 2 or max(sides[2:]) > extent[1] // 2:
        raise ValueError(
            f"{name}: padding {sides} (top, bottom, left, right) is more than half of what the "
            f"kernel spans, {extent}"
        )
    return kernel, strides, sides, dilations


def windows_along(
    size: int,
    kernel: int,
    stride: int,
    before: int,
    after: int,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Return how many windows fit along one axis (0 or less: none does).

    Args:
        size: pixels of the image along the axis.
        kernel, stride, dilation: of the window along it.
        before, after: padding at its two ends.
        ceil_mode: whether a last window may reach beyond the padding, if it begins inside the image
            or in the padding before it (PyTorch's rule).
    """
    room = size + before + after - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    windows = -(-room // stride) + 1
    if (windows - 1) * stride >= size + before:
        windows -= 1
    return windows


def output_size(
    name: str,
    size: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    ceil_mode: bool = False,
) -> Pair:
    """Return the rows and columns of windows that fit an image, both at least 1.

    Args:
        name: the layer or function, for the message.
        size: (height, width) of the image.
        kernel, stride, dilation: pairs.
        padding: (top, bottom, left, right).
        ceil_mode: as for `windows_along`.

    Raises:
        ValueError: not one window fits.
    """
    sides = padding[:2], padding[2:]
    rows, columns = (
        windows_along(size[k], kernel[k], stride[k], *sides[k], dilation[k], ceil_mode)
        for k in (0, 1)
    )
    if rows < 1 or columns < 1:
        padded = (size[0] + padding[0] + padding[1], size[1] + padding[2] + padding[3])
        raise ValueError(
            f"{name}: kernel {kernel} with dilation {dilation} spans {_extent(kernel, dilation)} "
            f"pixels, more than the padded image {padded} (image {size}, padding {padding})"
        )
    return rows, columns


def windows_of_pixel(kernel: Pair, stride: Pair, dilation: Pair) -> int:
    """Return how many windows a pixel may be in, at most.

    A pixel meets those taps of a dilated kernel that are a whole number of strides apart.
    """
    rows, columns = (
        -(-k // (s // math.gcd(s, d))) for k, s, d in zip(kernel, stride, dilation, strict=True)
    )
    return rows * columns


def _two_sides(value: object) -> Pair | None:
    """Return the padding before and after along one axis, or None where value is not that."""
    two = isinstance(value, tuple | list) and len(value) == 2
    return two_integers(value, 0) if two else None


def _extent(kernel: Pair, dilation: Pair) -> Pair:
    """Return how many pixels a window spans, in rows and in columns."""
    return dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1
