"""The shards of a batch that run at the same time, for layers that look at all of them.

Each shard runs in a thread of its own.  Where a layer needs numbers of the others, its shard waits
until all have come to the same place.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cnnlite.functional.sync_batch_norm import Gather


class _Running(threading.local):
    gather: Gather | None = None


_running = _Running()


def together() -> Gather | None:
    """Return how the shard of this thread gets the others' numbers; None: the batch is whole."""
    return _running.gather


@contextmanager
def shards_together(gather: Gather) -> Iterator[None]:
    """In the block, in this thread, run a shard of a batch."""
    _running.gather = gather
    try:
        yield
    finally:
        _running.gather = None
