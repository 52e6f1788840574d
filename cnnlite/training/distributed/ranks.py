"""A training on several processes, its ranks, which talk by MPI.

All that travels has its place: each rank calls the same methods in the same order.  MPI's own
reductions add in an order of their own, so partial sums are exchanged and added up here.
"""

from __future__ import annotations

import itertools
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import numpy as np

from cnnlite.training.distributed.alone import Alone
from cnnlite.training.distributed.flat import Bucket
from cnnlite.training.distributed.watching import Watch
from cnnlite.tree_sums import Sums, nodes_of

__all__ = ["Ranks"]

SMALL = 2**14
"""Elements up to which each rank adds up all of a bucket: one message is cheaper than two."""
PATIENCE = 1.0
"""Seconds in which ranks that fail for the same reason have all failed."""
LONGEST = 5.0
"""Seconds in which the last messages of a rank that has ended come, however busy the machine is."""
READING = 0.2
"""Seconds in which `mpirun` reads what a rank has written, before it ends it."""
SPINS = 200
"""Looks at a message without giving the processor to anyone else."""


class Ranks(Alone):
    """The processes that `mpirun` has started.

    Args:
        comm: an intracommunicator of mpi4py; two of its own are made of it.
    """

    def __init__(self, comm: Any) -> None:
        self._texts, self._sums = comm.Dup(), comm.Dup()
        self.comm, self.rank, self.size = comm, comm.Get_rank(), comm.Get_size()
        self._number = np.array([self.rank])  # MPI may read it after `leave`
        self.watch = Watch({}, start=False)  # tells which rank was killed
        self.told: Callable[[BaseException], str] = self._told  # what is said of an exception
        self._travelling: dict[Bucket, _Travel] = {}
        self._left: tuple[int, float] | None = None  # a rank that has ended, and since when

    def texts(self, text: str) -> list[str]:
        data = np.frombuffer(text.encode(), np.uint8)
        lengths = np.zeros(self.size, np.int64)
        lengths[self.rank] = data.size
        self._wait([self._texts.Iallgather(lengths[self.rank : self.rank + 1].copy(), lengths)])
        if not lengths.any():
            return [""] * self.size
        found = np.empty(lengths.sum(), np.uint8)
        self._wait([self._texts.Iallgatherv(data, (found, lengths))])
        ends = np.cumsum(lengths)
        return [bytes(found[end - n : end]).decode() for end, n in zip(ends, lengths, strict=True)]

    def rows(self, rows: np.ndarray) -> list[np.ndarray]:
        given = np.ascontiguousarray(rows, np.float64)
        counts = np.zeros(self.size, np.int64)
        self._wait([self._texts.Iallgather(np.array([given.size]), counts)])
        found = np.empty(counts.sum(), np.float64)
        self._wait([self._texts.Iallgatherv(given, (found, counts))])
        parts = np.split(found, np.cumsum(counts)[:-1])
        return [part.reshape(-1, given.shape[1]) for part in parts]

    def begin(self, bucket: Bucket, shards: int) -> None:
        self._travelling[bucket] = _Travel(self, bucket, shards)

    def progress(self) -> None:
        for travel in self._travelling.values():
            travel.progress()

    def sums(self, bucket: Bucket) -> np.ndarray:
        travel = self._travelling[bucket]
        spins = 0
        while not travel.progress():
            self.progress()
            spins = self._rest(spins)
        del self._travelling[bucket]
        return travel.sums

    def only_first(self, function: Callable[[], Any], error: type[Exception]) -> None:
        fault = ""
        if self.first:
            try:
                function()
            except error as found:
                fault = str(found) or type(found).__name__
        fault = self.texts(fault)[0]
        if fault:
            raise error(fault)

    @contextmanager
    def failing_together(self) -> Iterator[None]:
        """In the block, end all ranks where this one alone raises something.

        The others wait for it, whatever becomes of the exception.
        """
        try:
            yield
        except BaseException as error:
            self.end_all(self.told(error), 1)
            raise

    def end_all(self, text: str, status: int, patience: float = PATIENCE) -> None:
        """End the other ranks, unless they come here as well within some seconds.

        Args:
            text: what is said where this rank is alone; "" if it has been said.
            status: of `mpirun`.
            patience: the seconds.
        """
        request, until = self.comm.Ibarrier(), time.monotonic() + patience
        while not all_done([request]):
            if time.monotonic() > until:
                self._abort(text, status)
            time.sleep(0.005)

    def leave(self) -> None:
        """Tell the others that this rank ends: it will not be where they wait for it."""
        for rank in range(self.size):
            if rank != self.rank:
                self._texts.Isend(self._number, rank).Free()

    def _abort(self, text: str, status: int) -> NoReturn:
        time.sleep(0.05 * min(self.rank, 10))  # of several the first one ends all
        if text:
            print(text, file=sys.__stderr__, flush=True)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # it is closed, or None
                stream.flush()
        time.sleep(READING)
        self.watch.end()
        self.comm.Abort(status)
        os._exit(status)  # MPICH has only asked for the end of all here, and may come back first

    def _wait(self, requests: list[Any]) -> None:
        """Wait for messages; a signal is answered meanwhile, and others may use the processor."""
        spins = 0
        while not all_done(requests):
            spins = self._rest(spins)

    def _rest(self, spins: int) -> int:
        """Wait a little, after some looks without waiting; return the looks."""
        if spins > SPINS:
            time.sleep(2e-5)
            if not spins % SPINS:
                self._check_left()
        elif spins > SPINS // 10 and hasattr(os, "sched_yield"):
            os.sched_yield()
        return spins + 1

    def _check_left(self) -> None:
        """End all where this rank waits for one that has ended."""
        if self._left is None and self._texts.Iprobe():
            number = np.empty(1, np.int64)
            self._texts.Recv(number)
            self._left = int(number[0]), time.monotonic()
        if self._left is not None and time.monotonic() > self._left[1] + LONGEST:
            which = f"rank {self._left[0]} of {self.size}"
            self._abort(f"cnnlite: {which} has ended, and the others wait for it; all end", 1)

    def _told(self, error: BaseException) -> str:
        lines = "".join(traceback.format_exception(error))
        return f"rank {self.rank} of {self.size}, on {socket.gethostname()}: {lines}"

    def messages(self) -> Any:
        """Return the communicator on which sums travel."""
        return self._sums


class _Travel:
    """The sums of a bucket on their way.

    Each rank adds up a part of the bucket, of which it gets the nodes of all others, and sends them
    the result.  Two ranks, or small buckets, need no such sharing: each adds up all.
    """

    def __init__(self, ranks: Ranks, bucket: Bucket, shards: int) -> None:
        self._ranks, self._bucket, self._shards = ranks, bucket, shards
        self._tag = 2 * bucket.number
        self._own = [flat for _, flat in bucket.sums.nodes]
        self._others = [rank for rank in range(ranks.size) if rank != ranks.rank]
        whole = ranks.size == 2 or bucket.size <= SMALL
        ends = [bucket.size * rank // ranks.size for rank in range(ranks.size + 1)]
        parts = [slice(*ends[rank : rank + 2]) for rank in range(ranks.size)]
        self._parts = None if whole else parts
        part = slice(0, bucket.size)
        self._part = part if whole else parts[ranks.rank]
        each = shards // ranks.size
        self._nodes = {r: nodes_of(shards, r * each, (r + 1) * each) for r in range(ranks.size)}
        comm, self._got = ranks.messages(), dict[int, list[np.ndarray]]()
        requests = []
        for rank in self._others:
            self._got[rank] = [bucket.new() for _ in self._nodes[rank]]
            for flat in self._got[rank]:
                requests.append(comm.Irecv(flat[self._part], rank, self._tag))
        for rank in self._others:
            for flat in self._own:
                requests.append(comm.Isend(flat[part if whole else parts[rank]], rank, self._tag))
        self._requests, self._added = requests, False

    def progress(self) -> bool:
        """Go on as far as messages have come; return whether `sums` are there."""
        if self._requests and not all_done(self._requests):
            return False
        self._requests = []
        if not self._added:
            self._added = True
            self._add()
            return self.progress()
        return True

    def _add(self) -> None:
        """Add up what this rank has to, and send it to the others if they need it."""
        bucket, part, ranks = self._bucket, self._part, self._ranks
        flats = {**self._got, ranks.rank: self._own}
        sums: Sums[np.ndarray] = Sums(self._shards, np_add)
        for rank in range(ranks.size):
            for node, flat in zip(self._nodes[rank], flats[rank], strict=True):
                sums.push(node, flat[part])
        ((_, value),) = sums.nodes
        self.sums = flats[0][0] if self._parts is None else self._own[0]
        if value.base is not self.sums:
            self.sums[part] = value
        for flat in itertools.chain(*flats.values()):
            if flat is not self.sums:
                bucket.give_back(flat)
        if self._parts is not None:
            comm, tag = ranks.messages(), self._tag + 1
            for rank in self._others:
                self._requests.append(comm.Irecv(self.sums[self._parts[rank]], rank, tag))
                self._requests.append(comm.Isend(self.sums[part], rank, tag))


def np_add(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Add into the left array."""
    left += right
    return left


def all_done(requests: list[Any]) -> bool:
    """Return whether all messages have been sent and received."""
    return type(requests[0]).Testall(requests)
