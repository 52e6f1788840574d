"""Circular padding: the image goes on at its other side, as on a torus."""

from __future__ import annotations

import numpy as np

from cnnlite.checks.arrays import Array, check_allocation, contiguous
from cnnlite.quiet import quiet


def wrap_pad(name: str, x: Array, padding: tuple[int, int, int, int]) -> Array:
    """Pad images with what stands at their opposite side.

    Args:
        name: layer name that starts every message.
        x: (N, C, H, W).
        padding: (top, bottom, left, right), at most one image's height or width each.

    Returns:
        (N, C, top + H + bottom, left + W + right).

    Raises:
        ValueError: the padding would wrap around more than once.
    """
    top, bottom, left, right = padding
    n, c, h, w = x.shape
    if max(top, bottom) > h or max(left, right) > w:
        raise ValueError(
            f"{name}: circular padding {padding} is more than the image {(h, w)} can give "
            f"(x {x.shape})"
        )
    shape = (n, c, top + h + bottom, left + w + right)
    check_allocation(name, "the padded x", shape, x.dtype)
    return np.pad(contiguous(x), ((0, 0), (0, 0), (top, bottom), (left, right)), mode="wrap")


@quiet
def wrap_pad_backward(dpadded: Array, padding: tuple[int, int, int, int]) -> Array:
    """Add the gradient of each padded pixel to the pixel that it copies.

    Args:
        dpadded: (N, C, top + H + bottom, left + W + right).
        padding: as given to `wrap_pad`.

    Returns:
        (N, C, H, W).
    """
    top, bottom, left, right = padding
    rows = _fold(dpadded, top, bottom)
    return np.ascontiguousarray(_fold(rows.swapaxes(2, 3), left, right).swapaxes(2, 3))


def _fold(dpadded: Array, before: int, after: int) -> Array:
    size = dpadded.shape[2] - before - after
    folded = dpadded[:, :, before : before + size].copy()
    folded[:, :, size - before :] += dpadded[:, :, :before]
    folded[:, :, :after] += dpadded[:, :, before + size :]
    return folded
