"""Sliding windows along one axis, as windows over images of one row.

What a caller writes for one axis is checked here and told by its own names; the result is what
`windows.py` has for images, so the operations on images do the work.
"""

from __future__ import annotations

from cnnlite.checks.numbers import LARGEST, IntPair, as_integer, shown, two_integers
from cnnlite.checks.windows import Padding, Window, same_padding, windows_along

__all__ = ["as_stored", "check_fit", "resolve_pool_window", "resolve_window", "single"]


def single(name: str, argument: str, value: IntPair, least: int = 1) -> int:
    """Return what stands for one axis as a Python int.

    Args:
        name: the layer or function, for the message.
        argument: the argument's name.
        value: an integer, or a tuple of one.
        least: the smallest value allowed.

    Raises:
        ValueError: it is anything else, or out of range.
    """
    alone = isinstance(value, tuple | list) and len(value) == 1
    whole = as_integer(value[0] if alone else value)  # type: ignore[index]
    if whole is None or not least <= whole <= LARGEST:
        raise ValueError(
            f"{name}: {argument} must be an int or a tuple of one from {least} to {LARGEST}, "
            f"got {shown(value)}"
        )
    return whole


def resolve_window(
    name: str,
    kernel_size: IntPair,
    stride: IntPair,
    padding: Padding,
    dilation: IntPair,
    length: int = 1,
) -> Window:
    """Return the window of an image of one row.

    Args:
        name: the layer or function, for the message.
        kernel_size, stride, dilation: an int or a tuple of one.
        padding: likewise, or (left, right), ((left, right),), "same" or "valid".
        length: of the row, on which "same" with a stride above 1 depends; any where there is none.

    Raises:
        ValueError: a setting is anything else, or out of range.
    """
    kernel = single(name, "kernel_size", kernel_size)
    step, apart = single(name, "stride", stride), single(name, "dilation", dilation)
    ends = _ends(padding, same_padding(length, kernel, step, apart))
    if ends is None:
        raise ValueError(
            f"{name}: padding must be an int or a tuple of one from 0 to {LARGEST}, "
            f"(left, right), 'same' or 'valid', got {shown(padding)}"
        )
    return (1, kernel), (1, step), (0, 0, *ends), (1, apart)


def resolve_pool_window(
    name: str,
    kernel_size: IntPair,
    stride: IntPair | None,
    padding: Padding,
    dilation: IntPair = 1,
    length: int = 1,
) -> Window:
    """Return the window of a pooling; as `resolve_window`.

    Args:
        stride: None stands for the kernel's size.
        padding: at most half of what the kernel spans.
        length: as there.
    """
    step = kernel_size if stride is None else stride
    window = resolve_window(name, kernel_size, step, padding, dilation, length)
    span, ends = _span(window), window[2][2:]
    if max(ends) > span // 2:
        raise ValueError(
            f"{name}: padding {ends} (left, right) is more than half of what the kernel spans, "
            f"{span}"
        )
    return window


def as_stored(padding: Padding, window: Window) -> str | int | tuple[int, int]:
    """Return the padding of a window as a word, one number for both ends, or (left, right)."""
    left, right = window[2][2:]
    if isinstance(padding, str):
        return padding
    return left if left == right else (left, right)


def check_fit(name: str, length: int, window: Window, ceil_mode: bool = False) -> None:
    """Raise ValueError unless at least one window fits a row of that length."""
    kernel, stride, dilation = (sizes[1] for sizes in (window[0], window[1], window[3]))
    left, right = window[2][2:]
    if windows_along(length, kernel, stride, left, right, dilation, ceil_mode) < 1:
        raise ValueError(
            f"{name}: kernel {kernel} with dilation {dilation} spans {_span(window)}, more than "
            f"the padded length {length + left + right} (length {length}, padding {(left, right)})"
        )


def _ends(padding: Padding, same: tuple[int, int]) -> tuple[int, int] | None:
    """The padding before and after that a spelling stands for, or None where it is none."""
    if isinstance(padding, str):
        return {"valid": (0, 0), "same": same}.get(padding)
    if isinstance(padding, tuple | list) and len(padding) == 1:
        inner = padding[0]
        if isinstance(inner, tuple | list) and len(inner) != 2:
            return None
        return two_integers(inner, 0)
    return two_integers(padding, 0)


def _span(window: Window) -> int:
    """How many elements a window spans."""
    return window[3][1] * (window[0][1] - 1) + 1
