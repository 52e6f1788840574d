"""Where a sliding window falls: the arithmetic that convolution and pooling share.

A window is described by four tuples: kernel (KH, KW), stride (SH, SW), padding (top, bottom, left,
right) and dilation (DH, DW).  Its tap (kh, kw) for the output (oh, ow) reads the image at

    row    = oh * SH + kh * DH - top
    column = ow * SW + kw * DW - left

and whatever falls outside the image belongs to the padding.
"""

from collections.abc import Iterator
from typing import NamedTuple

from cnnlite.checks.windows import windows_along

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]


class Tap(NamedTuple):
    """One offset of the kernel, and the two regions that it connects.

    Attributes:
        kh: row in the kernel.
        kw: column in the kernel.
        outputs: rows and columns of the output for which this tap reads inside the image.
        inputs: the rows and columns of the image that it reads there, in the same order.
    """

    kh: int
    kw: int
    outputs: tuple[slice, slice]
    inputs: tuple[slice, slice]


def output_sizes(
    size: tuple[int, ...], kernel: tuple[int, ...], stride: Pair, padding: Sides, dilation: Pair
) -> Pair:
    """Return the rows and columns of windows that fit an image of that size."""
    sides = padding[:2], padding[2:]
    rows, columns = (
        windows_along(size[i], kernel[i], stride[i], *sides[i], dilation[i]) for i in (0, 1)
    )
    return rows, columns


def taps(
    image: Pair, output: Pair, kernel: Pair, stride: Pair, padding: Sides, dilation: Pair
) -> Iterator[Tap]:
    """Yield every offset of the kernel, row by row, with the regions it connects."""
    top, _, left, _ = padding
    for kh in range(kernel[0]):
        rows = _inside(image[0], output[0], stride[0], kh * dilation[0] - top)
        for kw in range(kernel[1]):
            columns = _inside(image[1], output[1], stride[1], kw * dilation[1] - left)
            yield Tap(kh, kw, (rows[0], columns[0]), (rows[1], columns[1]))


def _inside(size: int, outputs: int, stride: int, shift: int) -> tuple[slice, slice]:
    """Return the outputs o with 0 <= o * stride + shift < size, and those positions."""
    first = min(max(-(shift // stride), 0), outputs)
    end = min(max(-((shift - size) // stride), first), outputs)
    start = first * stride + shift
    if first == end:  # nothing inside: two empty slices, whatever the signs above
        return slice(0, 0), slice(0, 0)
    return slice(first, end), slice(start, start + (end - first - 1) * stride + 1, stride)


def check_window(
    function: str, kernel: Pair, stride: Pair, padding: Sides, dilation: Pair = (1, 1)
) -> None:
    """Raise ValueError unless the four tuples describe a window."""
    for name, values, length, least in (
        ("kernel", kernel, 2, 1),
        ("stride", stride, 2, 1),
        ("padding", padding, 4, 0),
        ("dilation", dilation, 2, 1),
    ):
        if len(values) != length or min(values) < least or max(values) >= 2**31:
            raise ValueError(
                f"{function}: {name} is {values}, expected {length} integers of at least {least} "
                f"and below {2**31}"
            )


def check_shape(
    function: str, name: str, shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """Raise ValueError unless an array has the shape that the others imply."""
    if shape != expected:
        raise ValueError(f"{function}: {name} has shape {shape}, expected {expected}")


def check_output(
    function: str,
    image: Pair,
    output: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair = (1, 1),
) -> None:
    """Raise ValueError unless the output's height and width are those of floor or ceil mode."""
    for axis, name in enumerate(("height", "width")):
        before, after = padding[2 * axis], padding[2 * axis + 1]
        window = (image[axis], kernel[axis], stride[axis], before, after, dilation[axis])
        floor, ceiling = windows_along(*window), windows_along(*window, ceil_mode=True)
        if output[axis] < 1 or output[axis] not in (floor, ceiling):
            raise ValueError(
                f"{function}: y has {name} {output[axis]}, expected {floor} "
                f"({ceiling} in ceil mode)"
            )
