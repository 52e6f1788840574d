"""What every operation checks before a kernel runs: types, shapes, sizes."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.floating[Any]]
IntPair: TypeAlias = int | Sequence[int]
Padding: TypeAlias = int | str | Sequence[int] | Sequence[Sequence[int]]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
# Two such numbers multiplied still fit the 64-bit index that the kernels count with.
_LARGEST = 2**31 - 1


def contiguous(x: Array) -> Array:
    """Returns x itself where a kernel can read it, else a C-contiguous, aligned copy."""
    if x.flags.c_contiguous and x.flags.aligned:
        return x
    return np.array(x, order="C", subok=False)


def check_floats(name: str, *, optional: Sequence[str] = (), **arrays: Array | None) -> None:
    """Raises TypeError unless all arrays are float32, or all float64.

    Args:
        name: layer name that starts every message.
        optional: arguments that may be None.
        arrays: the arrays, by argument.
    """
    first: tuple[str, np.dtype[Any]] | None = None
    for argument, array in arrays.items():
        if array is None and argument in optional:
            continue
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{name}: {argument} must be a NumPy array, got {type(array).__name__}")
        if array.dtype not in _FLOATS:
            raise TypeError(
                f"{name}: {argument} must be float32 or float64, got {array.dtype} "
                f"({argument} {array.shape})"
            )
        if first is None:
            first = (argument, array.dtype)
        elif array.dtype != first[1]:
            raise TypeError(
                f"{name}: {argument} is {array.dtype} but {first[0]} is {first[1]}; "
                "convert one of them with astype"
            )


def check_images(name: str, x: Array) -> None:
    """Raises unless x is a float array (N, C, H, W) with at least one channel, row and column."""
    check_floats(name, x=x)
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise ValueError(
            f"{name}: x must have shape (N, C, H, W) with C, H and W at least 1, got {x.shape}"
        )


def check_shape(name: str, argument: str, array: Array | None, expected: tuple[int, ...]) -> None:
    """Raises ValueError unless the array (or None) has exactly the expected shape."""
    if array is not None and array.shape != expected:
        raise ValueError(f"{name}: {argument} has shape {array.shape}, expected {expected}")


def check_gradient(name: str, dy: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Checks the gradient that arrives at a backward pass and makes it readable for kernels.

    Args:
        name: layer name that starts every message.
        dy: gradient with respect to what forward returned.
        shape: shape of what forward returned.
        dtype: its dtype.

    Returns:
        dy, C-contiguous and aligned.
    """
    check_floats(name, dy=dy)
    if dy.shape != shape:
        raise ValueError(f"{name}: dy has shape {dy.shape}, but forward returned {shape}")
    if dy.dtype != dtype:
        raise TypeError(f"{name}: dy is {dy.dtype}, but forward returned {dtype}")
    return contiguous(dy)


def check_allocation(name: str, what: str, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Raises ValueError when an array of this shape cannot exist in the address space."""
    size = math.prod(shape) * dtype.itemsize
    if size > sys.maxsize:
        raise ValueError(
            f"{name}: {what} of shape {tuple(shape)} would take {size} bytes, "
            f"more than can be addressed ({sys.maxsize})"
        )


def _is_int(value: object) -> bool:
    # A plain int first: asking an abstract class takes a microsecond.
    return type(value) is int or (isinstance(value, Integral) and not isinstance(value, bool))


def _int_pair(value: object, least: int) -> tuple[int, int] | None:
    """The two integers that value stands for, or None where it stands for none."""
    entries: Any = (value, value) if _is_int(value) else value
    if not isinstance(entries, (tuple, list)) or len(entries) != 2:
        return None
    if not all(_is_int(entry) and least <= entry <= _LARGEST for entry in entries):
        return None
    return int(entries[0]), int(entries[1])


def pair(name: str, argument: str, value: IntPair, least: int = 1) -> tuple[int, int]:
    """Turns an int or a pair of ints into (for height, for width).

    Args:
        name: layer name that starts every message.
        argument: name of the argument.
        value: an int, or two.
        least: smallest value allowed.

    Returns:
        Two Python ints.

    Raises:
        ValueError: value is anything else, or out of range.
    """
    resolved = _int_pair(value, least)
    if resolved is None:
        raise ValueError(
            f"{name}: {argument} must be an int or a pair of ints from {least} to {_LARGEST}, "
            f"got {value!r}"
        )
    return resolved


def resolve_padding(
    name: str,
    padding: Padding,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[int, int, int, int]:
    """Turns every spelling of padding into (top, bottom, left, right).

    Args:
        name: layer name that starts every message.
        padding: an int, a pair, ((top, bottom), (left, right)), "valid" (none) or "same" (the
            output is as large as the input; an odd remainder goes to the bottom and right).
        kernel, stride, dilation: pairs; "same" needs them.

    Returns:
        Four ints, in pixels.

    Raises:
        ValueError: any other spelling, a negative number, or "same" with a stride above 1.
    """
    if isinstance(padding, str):
        if padding == "valid":
            return 0, 0, 0, 0
        if padding == "same":
            if stride != (1, 1):
                raise ValueError(f"{name}: padding 'same' needs stride 1, got stride {stride}")
            rows, columns = (d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
            return rows // 2, rows - rows // 2, columns // 2, columns - columns // 2
    else:
        both = _int_pair(padding, 0)
        if both is not None:
            return both[0], both[0], both[1], both[1]
        if isinstance(padding, (tuple, list)) and len(padding) == 2:
            sides = [_int_pair(s, 0) for s in padding if not _is_int(s)]
            if len(sides) == 2 and sides[0] is not None and sides[1] is not None:
                return (*sides[0], *sides[1])
    raise ValueError(
        f"{name}: padding must be an int or a pair from 0 to {_LARGEST}, "
        f"((top, bottom), (left, right)), 'same' or 'valid', got {padding!r}"
    )


def output_size(
    name: str,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
    ceil_mode: bool = False,
) -> tuple[int, int]:
    """Rows and columns of windows that fit an image.

    Args:
        name: layer name that starts every message.
        size: (height, width) of the image.
        kernel, stride, dilation: pairs.
        padding: (top, bottom, left, right).
        ceil_mode: a last window may stick out of the padded image, as long as it starts inside
            the image or its top or left padding (PyTorch's rule).

    Returns:
        (rows, columns), both at least 1.

    Raises:
        ValueError: not one window fits.
    """
    out = []
    for axis in (0, 1):
        before, after = padding[2 * axis], padding[2 * axis + 1]
        room = size[axis] + before + after - dilation[axis] * (kernel[axis] - 1) - 1
        if ceil_mode:
            windows = -(-room // stride[axis]) + 1
            if (windows - 1) * stride[axis] >= size[axis] + before:
                windows -= 1
        else:
            windows = room // stride[axis] + 1
        out.append(windows)
    if min(out) < 1:
        padded = (size[0] + padding[0] + padding[1], size[1] + padding[2] + padding[3])
        extent = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
        raise ValueError(
            f"{name}: kernel {kernel} with dilation {dilation} spans {extent} pixels, "
            f"more than the padded image {padded} (image {size}, padding {padding})"
        )
    return out[0], out[1]
