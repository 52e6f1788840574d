"""Padding with what the image has: circular (as on a torus), reflected, or its edge replicated."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cnnlite.checks.arrays import Array, check_allocation, contiguous
from cnnlite.quiet import quiet

MODES: dict[str, Literal["wrap", "reflect", "edge"]] = {
    "circular": "wrap",
    "reflect": "reflect",
    "replicate": "edge",
}
"""PyTorch's names, and those of `np.pad`, which are ONNX's too."""

Sides = tuple[int, int, int, int]


def check_borders(name: str, shape: tuple[int, ...], padding: tuple[int, ...], mode: str) -> None:
    """Raise ValueError if the padding would wrap around, or turn back, more than once.

    Args:
        name: layer name that starts the message.
        shape: of x, (N, C, H, W) or (N, C, L).
        padding: (top, bottom, left, right), or (left, right).
        mode: as for `pad_image`.
    """
    sizes = shape[2:]
    room = tuple(size - (mode == "reflect") for size in sizes)
    most = map(max, padding[::2], padding[1::2])
    if mode != "replicate" and any(p > r for p, r in zip(most, room, strict=True)):
        raise ValueError(
            f"{name}: {mode} padding {padding} is more than the "
            f"{'image' if len(sizes) == 2 else 'row'} {sizes} can give, {room} (x {shape})"
        )


def pad_image(name: str, x: Array, padding: Sides, mode: str) -> Array:
    """Pad images with their own pixels.

    Args:
        name: layer name that starts every message.
        x: (N, C, H, W).
        padding: (top, bottom, left, right).
        mode: "circular" goes on at the opposite side, "reflect" turns back at the edge, which is
            not repeated, and "replicate" repeats the edge.

    Returns:
        (N, C, top + H + bottom, left + W + right).

    Raises:
        ValueError: as `check_borders`.
        MemoryError: this machine has not enough memory; the message names the layer.
    """
    check_borders(name, x.shape, padding, mode)
    top, bottom, left, right = padding
    n, c, h, w = x.shape
    shape = (n, c, top + h + bottom, left + w + right)
    check_allocation(name, "the padded x", shape, x.dtype)
    try:
        return np.pad(contiguous(x), ((0, 0), (0, 0), (top, bottom), (left, right)), MODES[mode])
    except MemoryError as error:
        raise MemoryError(f"{name}: {error} (x {x.shape}, padding {padding})") from error


@quiet
def pad_image_backward(dpadded: Array, padding: Sides, mode: str) -> Array:
    """Add the gradient of each padded pixel to the pixel that it copies.

    Args:
        dpadded: (N, C, top + H + bottom, left + W + right).
        padding, mode: as given to `pad_image`.

    Returns:
        (N, C, H, W).
    """
    top, bottom, left, right = padding
    rows = _fold(dpadded, top, bottom, mode)
    return np.ascontiguousarray(_fold(rows.swapaxes(2, 3), left, right, mode).swapaxes(2, 3))


def _fold(dpadded: Array, before: int, after: int, mode: str) -> Array:
    """Undo the padding of the rows; what meets in one row is added in float64."""
    size = dpadded.shape[2] - before - after
    source = np.pad(np.arange(size), (before, after), MODES[mode])
    folded = dpadded[:, :, before : before + size].copy()
    for row in {*source[:before], *source[before + size :]}:
        folded[:, :, row] = dpadded[:, :, source == row].sum(axis=2, dtype=np.float64)
    return folded
