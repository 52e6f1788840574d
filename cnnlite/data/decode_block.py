"""Decodes a few neighbouring pictures into one array."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cnnlite.data.errors import DataChanged, DataError
from cnnlite.data.pictures import decode, planes
from cnnlite.data.row_file import RowFile
from cnnlite.terminal import printable

if TYPE_CHECKING:  # a process that decodes need not know how pictures are listed
    from PIL import Image

    from cnnlite.data.listing import Picture

__all__ = ["Block", "Faults", "How", "Images", "decode_block"]

BUFFER_BYTES = 2**20  # of decoded pictures that are stored at once: they stay in the CPU's cache

Images = np.ndarray | RowFile
"""Where pictures are stored: uint8 (N, C, H, W)."""

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
    """What became of neighbouring pictures.

    Fields:
        rows: how many are sound.
        skipped: the others.
        sums: the sums of the training pixels, channel by channel, then of their squares.
    """

    rows: int
    skipped: Faults
    sums: list[int]


def decode_block(
    how: How,
    block: Sequence[Picture],
    begin: int,
    trains: int,
    images: Images,
    stop: threading.Event | None = None,
) -> Block:
    """Decode pictures `begin`, `begin` + 1, ... into the rows of these numbers.

    Where pictures are skipped, the sound ones come first, and rows are left over.

    Args:
        how: in which way.
        block: the pictures.
        begin: the number of the first among all pictures.
        trains: how many of all are training pictures: the first ones.
        images: where they are stored.
        stop: when it is set, the rest is left.

    Raises:
        DataError, OSError: a picture cannot be read, and `how.skip_broken` is False; one changed
            since it was listed; one has another shape; the rows cannot be stored.
    """
    most = max(1, min(len(block), BUFFER_BYTES // math.prod(how.shape)))
    buffer = np.empty((most, *how.shape), np.uint8)
    skipped: Faults = []
    total, sums = np.zeros((2, 2, how.shape[0]), np.uint64)
    end = begin
    sound = _sound(how, block, begin, skipped, stop)
    while True:
        filled = 0
        for number, image in islice(sound, most):
            planes(image, buffer[filled], sums)
            filled += 1
            if number < trains:
                total += sums
        if not filled:
            return Block(end - begin, skipped, total.reshape(-1).tolist())
        images[end : end + filled] = buffer[:filled]
        end += filled


def _sound(
    how: How,
    block: Sequence[Picture],
    begin: int,
    skipped: Faults,
    stop: threading.Event | None,
) -> Iterator[tuple[int, Image.Image]]:
    """Yield the number and the image of each sound picture, and note those that are skipped."""
    shape, size = how.shape, how.shape[1:] if how.scaled else None
    for number, (name, _, length, changed) in enumerate(block, begin):
        if stop is not None and stop.is_set():
            return
        path = os.path.join(how.root, name)
        try:
            image = decode(path, size, how.grey, how.fit, (length, changed))
        except DataChanged:
            raise
        except FileNotFoundError:
            gone = f"{printable(path)} was removed while the pictures were read: start again"
            raise DataChanged(gone) from None
        except (DataError, OSError) as error:
            if not how.skip_broken:
                raise
            skipped.append((name, str(error)))
            continue
        if (image.height, image.width) != shape[1:]:
            raise DataError(
                f"{printable(path)} has {image.height}x{image.width} pixels, others have "
                f"{shape[1]}x{shape[2]}: a size (size=64, --size 64) makes them one"
            )
        yield number, image
