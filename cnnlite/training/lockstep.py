"""The shards of a batch run together, for layers such as SyncBatchNorm that look at all of them.

Each shard has a thread, and one of them runs at a time, in their order: until its end, or until a
layer asks for the numbers of all shards.  When all of them have asked, they go on.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnlite.layers import Layer
from cnnlite.layers.together import shards_together
from cnnlite.training.distributed.alone import Alone

__all__ = ["run_together"]


class _GivenUp(BaseException):
    """Ends the thread of a shard because another one has failed."""


class _Shard:
    """A shard's thread.

    Attributes:
        asks: the numbers with which it waits; None while it runs, and at its end.
        fault: what it has raised.
        ended: whether its thread has nothing more to do.
    """

    def __init__(self, work: Callable[[], None], buffers: dict[str, np.ndarray]) -> None:
        self.asks: np.ndarray | None = None
        self.fault: BaseException | None = None
        self.ended = False
        self.answer: list[np.ndarray] | None = None
        self._buffers = {key: array.copy() for key, array in buffers.items()}
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        context = contextvars.copy_context()  # with NumPy's errstate
        self._thread = threading.Thread(target=context.run, args=(self._run, work), daemon=True)
        self._thread.start()

    def go_on(self, buffers: dict[str, np.ndarray]) -> None:
        """Run until it asks or ends; it sees the buffers as it has left them."""
        for key, array in buffers.items():
            array[...] = self._buffers[key]
        self._go.release()
        self._back.acquire()
        for key, array in buffers.items():
            self._buffers[key][...] = array

    def end(self) -> None:
        """End the thread where it waits."""
        self.answer = None
        if not self.ended:
            self._go.release()
        self._thread.join()

    def _run(self, work: Callable[[], None]) -> None:
        self._go.acquire()
        try:
            with shards_together(self._gather):
                work()
        except BaseException as fault:
            self.fault = fault
        self.ended = True
        self._back.release()

    def _gather(self, numbers: np.ndarray) -> list[np.ndarray]:
        self.asks = np.ascontiguousarray(numbers, np.float64)
        self._back.release()
        self._go.acquire()
        if self.answer is None:
            raise _GivenUp
        answer, self.answer, self.asks = self.answer, None, None
        return answer


def run_together(works: Sequence[Callable[[], None]], model: Layer, ranks: Alone) -> None:
    """Run the shards of this rank, with those of the others.

    Args:
        works: what each shard does, which may raise anything.
        model: each shard sees its buffers as if it ran alone; they are put back.
        ranks: all of them run their shards now.
    """
    buffers: dict[str, Any] = dict(model.buffers.items())
    before = {key: array.copy() for key, array in buffers.items()}
    shards = [_Shard(work, buffers) for work in works]
    try:
        while not all(shard.ended for shard in shards):
            for shard in shards:
                shard.go_on(buffers)
                if shard.fault is not None:
                    raise shard.fault
            asked = [shard.asks for shard in shards if not shard.ended and shard.asks is not None]
            if not asked:
                break
            if len(asked) < len(shards):
                raise RuntimeError("the shards of a batch do not run through the same layers")
            shape = asked[0].shape
            rows = ranks.rows(np.stack([numbers.reshape(-1) for numbers in asked]))
            answer = [row.reshape(shape) for each in rows for row in each]
            for shard in shards:
                shard.answer = answer
    finally:
        for shard in shards:
            shard.end()
        for key, array in buffers.items():
            array[...] = before[key]
