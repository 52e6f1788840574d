"""Decodes many pictures, by several threads, in the order in which they are listed.

Pillow lets other threads run while it decodes, so nothing has to be sent between processes.  What
is in memory is bounded by the blocks of pictures under way.
"""

import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import NamedTuple

import numpy as np

from cnnlite.data.errors import DataChanged, DataError
from cnnlite.data.listing import Listing, Picture
from cnnlite.data.pictures import decode, planes
from cnnlite.terminal import printable

__all__ = ["Block", "Faults", "Job", "decoded_blocks", "image_shape"]

BLOCK_BYTES = 2**20  # of decoded pictures that one thread makes at once: they stay in its cache
BLOCK = 64  # pictures at most
LEVELS = np.arange(256)

Faults = list[tuple[str, str]]
"""Path and fault of pictures that cannot be read."""


@dataclass(frozen=True)
class Job:
    """What is to be decoded, and how; for the fields see `cnnlite.data.folder`."""

    listing: Listing
    size: tuple[int, int] | None
    grey: bool
    fit: str
    workers: int
    skip_broken: bool
    progress: Callable[[int, int], None] | None

    @property
    def pictures(self) -> list[Picture]:
        """All pictures, in the order of the array."""
        return list(chain(*self.listing.splits.values()))


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


def image_shape(job: Job) -> tuple[int, int, int]:
    """Return (C, H, W), from the first sound picture where no size was asked for."""
    channels = 1 if job.grey else 3
    if job.size is not None:
        return (channels, *job.size)
    for picture in job.pictures:
        try:
            image = decode(str(job.listing.root / picture.path), None, job.grey, job.fit)
        except (DataError, OSError):
            if not job.skip_broken:
                raise
        else:
            return channels, image.height, image.width
    raise DataError(f"{job.listing.root} has no picture that can be read")


def decoded_blocks(job: Job, shape: tuple[int, int, int], start: int) -> Generator[Block]:
    """Yield the pictures from number `start` on, in their order.

    Raises:
        DataError, OSError: a picture cannot be read, and `job.skip_broken` is False; one changed
            since it was listed; one has another shape.
    """
    pictures = job.pictures
    number = max(1, min(BLOCK, BLOCK_BYTES // prod(shape)))
    trains = len(job.listing.splits["train"])
    stop = threading.Event()
    under_way: deque[Future[Block]] = deque()
    # Pillow's warnings are switched off here: threads that did it would undo each other's filters.
    with warnings.catch_warnings(), ThreadPoolExecutor(job.workers) as threads:
        warnings.simplefilter("ignore")
        try:
            for begin in range(start, len(pictures), number):
                block = pictures[begin : begin + number]
                work = threads.submit(_decode_block, job, block, trains - begin, shape, stop)
                under_way.append(work)
                if len(under_way) > 2 * job.workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:  # after an error, or Ctrl-C, none begins another picture
            stop.set()
            for work in under_way:
                work.cancel()


def _decode_block(
    job: Job, block: list[Picture], trains: int, shape: tuple[int, int, int], stop: threading.Event
) -> Block:
    """Decode some pictures, the first `trains` of which are training pictures."""
    rows = np.empty((len(block), *shape), np.uint8)
    skipped: Faults = []
    histogram = np.zeros((shape[0], 256), np.int64)
    done = 0
    for number, picture in enumerate(block):
        if stop.is_set():
            break
        path = str(job.listing.root / picture.path)
        try:
            seen = (picture.size, picture.changed)
            image = decode(path, job.size, job.grey, job.fit, seen)
        except DataChanged:
            raise
        except FileNotFoundError:
            gone = f"{printable(path)} was removed while the pictures were read: start again"
            raise DataChanged(gone) from None
        except (DataError, OSError) as error:
            if not job.skip_broken:
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
        if number < trains:
            histogram += np.reshape(image.histogram(), histogram.shape)
    sums = [*(histogram @ LEVELS).tolist(), *(histogram @ LEVELS**2).tolist()]
    return Block(rows[:done], skipped, sums)
