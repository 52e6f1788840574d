"""Decodes a few neighbouring pictures into one array."""

import math
import os
import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnlite.data.errors import DataChanged, DataError
from cnnlite.data.listing import Picture
from cnnlite.data.pictures import decode, planes
from cnnlite.terminal import printable

__all__ = ["BLOCK_BYTES", "Block", "Faults", "How", "decode_block"]

BLOCK_BYTES = 2**20  # of decoded pictures that one thread makes at once: they stay in its cache

EXACT = 256
"""So many squares of a byte add up to less than 2^24."""

Faults = list[tuple[str, str]]
"""Path and fault of pictures that cannot be read."""


class How(NamedTuple):
    """How pictures are decoded: their folder, the shape (C, H, W) of an image, and the options.

    `scaled` says whether pictures are brought to that shape, or must have it.
    """

    root: str
    shape: tuple[int, int, int]
    scaled: bool
    grey: bool
    fit: str
    skip_broken: bool


class Block(NamedTuple):
    """Neighbouring pictures.

    Fields:
        rows: uint8 (n, C, H, W), those that are sound.
        skipped: the others.
        sums: the sums of the training pixels, channel by channel, then of their squares.
    """

    rows: np.ndarray
    skipped: Faults
    sums: list[int]


def decode_block(
    how: How, block: list[Picture], trains: int, stop: threading.Event | None = None
) -> Block:
    """Decode some pictures, the first `trains` of which are training pictures.

    Args:
        how: in which way.
        block: the pictures.
        trains: how many of them the sums are of.
        stop: when it is set, the rest is left.

    Raises:
        DataError, OSError: a picture cannot be read, and `how.skip_broken` is False; one changed
            since it was listed; one has another shape.
    """
    shape, size = how.shape, how.shape[1:] if how.scaled else None
    rows = np.empty((len(block), *shape), np.uint8)
    skipped: Faults = []
    done = training = 0
    for number, picture in enumerate(block):
        if stop is not None and stop.is_set():
            break
        path = os.path.join(how.root, picture.path)
        try:
            seen = (picture.size, picture.changed)
            image = decode(path, size, how.grey, how.fit, seen)
        except DataChanged:
            raise
        except FileNotFoundError:
            gone = f"{printable(path)} was removed while the pictures were read: start again"
            raise DataChanged(gone) from None
        except (DataError, OSError) as error:
            if not how.skip_broken:
                raise
            skipped.append((picture.path, str(error)))
            continue
        if (image.height, image.width) != shape[1:]:
            raise DataError(
                f"{printable(path)} has {image.height}x{image.width} pixels, others have "
                f"{shape[1]}x{shape[2]}: a size (size=64, --size 64) makes them one"
            )
        planes(image, rows[done])
        done += 1
        training += number < trains
    return Block(rows[:done], skipped, _sums(rows[:training]))


def _sums(rows: NDArray[np.uint8]) -> list[int]:
    """Return the sums of pixels, channel by channel, then of their squares.

    Sums of so few squares are whole numbers that float32 holds, and of which products of matrices
    find many at once.
    """
    number, channels = rows.shape[:2]
    pixels = rows.reshape(number, channels, math.prod(rows.shape[2:]))
    rest = pixels.shape[2] % EXACT
    whole = pixels.shape[2] - rest
    totals = np.zeros((2, channels))
    for part, length in ((pixels[..., :whole], EXACT), (pixels[..., whole:], rest)):
        if part.size:
            runs = part.reshape(number, channels, -1, length).astype(np.float32)
            totals[0] += (runs @ np.ones(length, np.float32)).sum(axis=(0, 2), dtype=np.float64)
            totals[1] += np.vecdot(runs, runs).sum(axis=(0, 2), dtype=np.float64)
    return [int(total) for total in totals.reshape(-1)]
