"""Decodes many pictures at once, in the order in which they are listed.

Pillow lets other threads run while it decodes, but around that Python's lock lets one thread run at
a time: a few pictures are decoded by threads, many by processes, which store them in the file
themselves.  What is in memory is bounded by the pictures under way.
"""

import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from math import prod
from queue import SimpleQueue

from cnnlite.data.decode_block import Block, How, Images, decode_block
from cnnlite.data.decode_process import DecodeProcess
from cnnlite.data.errors import DataError
from cnnlite.data.listing import Listing, Picture
from cnnlite.data.pictures import decode
from cnnlite.data.row_file import RowFile

__all__ = ["Job", "decoded_blocks", "image_shape"]

BLOCK, BLOCK_BYTES = 64, 2**23  # pictures at most that are decoded in one go
PROCESSES_FROM = 5000  # pictures: fewer are decoded before processes have begun


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


def decoded_blocks(
    job: Job, shape: tuple[int, int, int], start: int, images: Images
) -> Generator[Block]:
    """Decode the pictures from number `start` on; yield a block once it is stored, in their order.

    For where a block's pictures are then, see `decode_block`.

    Raises:
        DataError, OSError: a picture cannot be read, and `job.skip_broken` is False; one changed
            since it was listed; one has another shape; the rows cannot be stored.
    """
    pictures = job.pictures
    how = How(
        str(job.listing.root), shape, job.size is not None, job.grey, job.fit, job.skip_broken
    )
    number = max(1, min(BLOCK, BLOCK_BYTES // prod(shape)))
    trains = len(job.listing.splits["train"])
    workers: _Threads
    if isinstance(images, RowFile) and sys.executable and len(pictures) - start >= PROCESSES_FROM:
        workers = _Processes(how, images, job.workers)
    else:
        workers = _Threads(how, images, job.workers)
    under_way: deque[Future[Block]] = deque()
    with workers:
        for begin in range(start, len(pictures), number):
            under_way.append(workers.submit(pictures[begin : begin + number], begin, trains))
            if len(under_way) > 2 * job.workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


class _Threads:
    """Threads that decode; after an error, or Ctrl-C, none begins another picture."""

    def __init__(self, how: How, images: Images, number: int) -> None:
        self.how = how
        self.images = images
        self.threads = ThreadPoolExecutor(number)
        self.stop = threading.Event()
        # Pillow's warnings are switched off here: threads that did it would undo each other's.
        self.quiet = warnings.catch_warnings()

    def __enter__(self) -> "_Threads":
        self.quiet.__enter__()
        warnings.simplefilter("ignore")
        return self

    def submit(self, block: list[Picture], begin: int, trains: int) -> Future[Block]:
        return self.threads.submit(self.decode, block, begin, trains)

    def decode(self, block: list[Picture], begin: int, trains: int) -> Block:
        return decode_block(self.how, block, begin, trains, self.images, self.stop)

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.threads.shutdown(cancel_futures=True)
        self.quiet.__exit__(None, None, None)


class _Processes(_Threads):
    """Threads each of which has a process that decodes for it."""

    def __init__(self, how: How, images: RowFile, number: int) -> None:
        super().__init__(how, images, number)
        self.all: list[DecodeProcess] = []
        self.idle: SimpleQueue[DecodeProcess] = SimpleQueue()
        try:
            for _ in range(number):
                self.all.append(DecodeProcess(how, images))
                self.idle.put(self.all[-1])
        except BaseException:
            for process in self.all:
                process.close()
            raise

    def decode(self, block: list[Picture], begin: int, trains: int) -> Block:
        process = self.idle.get()
        try:
            return process.decode(block, begin, trains)
        finally:
            self.idle.put(process)

    def __exit__(self, *error: object) -> None:
        for process in self.all:
            process.close()
        super().__exit__(*error)
