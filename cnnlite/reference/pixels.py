"""The planes of a decoded picture."""

import numpy as np

__all__ = ["split_planes"]


def split_planes(pixels: np.ndarray, planes: np.ndarray, sums: np.ndarray) -> None:
    """Lay a picture's channels out one after the other, and add up their pixels and squares.

    Args:
        pixels: in, uint8 (n, channels or more): what a pixel has beyond its channels is left out.
        planes: out, uint8 (channels, n).
        sums: out, uint64 (2, channels): the sums of the pixels, and of their squares.

    Raises:
        ValueError: shapes that do not belong together.
    """
    channels = len(planes)
    if planes.shape[1] != len(pixels) or channels > pixels.shape[1]:
        raise ValueError(f"split_planes: planes is {planes.shape}, pixels {pixels.shape}")
    if sums.shape != (2, channels):
        raise ValueError(f"split_planes: sums is {sums.shape}, expected {(2, channels)}")
    planes[...] = pixels[:, :channels].T
    planes.sum(axis=1, dtype=np.uint64, out=sums[0])
    wide = planes.astype(np.uint64)
    np.vecdot(wide, wide, out=sums[1])
