"""Which processes a training runs on, and what they must have in common."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import socket
import sys
import time
import traceback
import warnings
from types import TracebackType
from typing import Any

import numpy as np

from cnnlite import environment, threads
from cnnlite.backend import kernels
from cnnlite.training.distributed.alone import Alone
from cnnlite.training.distributed.ranks import Ranks, all_done
from cnnlite.training.distributed.watching import Watch
from cnnlite.training.record import configuration, differences, versions
from cnnlite.training.state import TrainingState

__all__ = ["check_same", "end_all", "join", "joined"]

PATIENCE = 1.0  # seconds in which ranks that fail for the same reason have all failed

_ranks: Alone | None = None


def join() -> Alone:
    """Return the processes that `mpirun` has started, or this process alone; the first call joins.

    Raises:
        ImportError: there are several, and mpi4py is not installed.
    """
    global _ranks
    place = environment.launched()
    if _ranks is None:
        _ranks = Alone() if place is None else _join(place)
    return _ranks


def joined(shards: int) -> Alone:
    """Return the processes that share so many shards.

    Raises:
        ImportError: as for `join`.
        ValueError: they cannot share them evenly.
    """
    ranks = join()
    if shards % ranks.size:
        raise ValueError(
            f"Solver: shards is {shards}, and {ranks.size} ranks cannot have equally many; "
            f"expected a multiple of {ranks.size}"
        )
    return ranks


def _join(place: environment.Launched) -> Alone:
    try:
        from mpi4py import MPI
    except ImportError as error:
        if place.local_rank:  # the first one on this machine says it
            raise SystemExit(2) from None
        raise ImportError(
            f"mpirun has started {place.size} processes, and to share a training they need "
            f"mpi4py: pip install 'cnnlite[mpi]' ({error})"
        ) from error
    ranks = Ranks(MPI.COMM_WORLD)
    sys.excepthook = _Hook(ranks)
    here = json.dumps([socket.gethostname(), os.getpid(), _affinity(), _build()])
    each = [json.loads(text) for text in ranks.texts(here)]
    local = [rank for rank, (host, *_) in enumerate(each) if host == socket.gethostname()]
    watch = Watch({rank: each[rank][1] for rank in local}, ranks.rank == local[0])
    watchers = [int(text) for text in ranks.texts(str(watch.process))]
    watch.process = watchers[local[0]]
    ranks.watch = watch
    atexit.register(watch.end)
    if len({str(each[rank][2]) for rank in local}) == 1 and not environment.NUM_THREADS.value():
        threads.set_num_threads(max(1, threads.get_num_threads() // len(local)))
    if ranks.first:
        for rank, (host, _, _, build) in enumerate(each):
            for text in differences(each[0][3], build):
                text = text.replace("in the checkpoint", "on rank 0").replace(
                    " here", f" on rank {rank} ({host})"
                )
                warnings.warn(f"{text}; the bits may differ from those of other runs", stacklevel=5)
    return ranks


def _affinity() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _build() -> dict[str, Any]:
    """Return what should be the same on all ranks."""
    return {
        **versions(),
        "numpy": np.__version__,
        "compiler": kernels.compiler(),
        "instruction set": kernels.instruction_set(),
    }


def check_same(training: TrainingState) -> None:
    """Raise ValueError, on all ranks, unless they have the same training before them.

    They have where the configuration and the whole state are the same.
    """
    ranks = training.ranks
    if ranks.size == 1:
        return
    here = configuration(training) | {
        "num_epochs": training.num_epochs,
        "step": training.step,
        "weights and buffers": _digest(training.model.state_dict()),
        "the optimizer's state": _digest(training.optimizer.state_dict()),
    }
    first, *others = (json.loads(text) for text in ranks.texts(json.dumps(here)))
    for rank, other in enumerate(others, 1):
        for text in differences(first, other):
            text = text.replace("in the checkpoint", "on rank 0").replace(" here", "")
            raise ValueError(
                f"Solver: the ranks have different trainings before them: {text} on rank {rank}"
            )


def _digest(arrays: dict[str, np.ndarray]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for key, array in sorted(arrays.items()):
        found.update(f"{key} {array.dtype} {array.shape}".encode() + array.tobytes())
    return found.hexdigest()


def all_have_failed(ranks: Ranks) -> bool:
    """Return whether all other ranks come here, too, within PATIENCE."""
    request, until = ranks.comm.Ibarrier(), time.monotonic() + PATIENCE
    while not all_done([request]):
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def end_all(text: str, status: int) -> None:
    """End the other ranks, unless they fail with this one: then the first one says why.

    Args:
        text: what is said if this one alone has failed; "" if it has been said.
        status: of `mpirun`.
    """
    ranks = join()
    if isinstance(ranks, Ranks) and not all_have_failed(ranks):
        time.sleep(0.05 * min(ranks.rank, 10))  # of several the first one ends all
        if text:
            print(text, file=sys.__stderr__, flush=True)
        ranks.watch.end()
        ranks.comm.Abort(status)


class _Hook:
    """Shows an exception that ends the program once, and ends the other ranks."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks, self._before = ranks, sys.excepthook

    def __call__(
        self, kind: type[BaseException], error: BaseException, where: TracebackType | None
    ) -> None:
        rank, size = self._ranks.rank, self._ranks.size
        lines = traceback.format_exception(kind, error, where)
        end_all(f"rank {rank} of {size}, on {socket.gethostname()}: {''.join(lines)}", 1)
        if self._ranks.first:
            self._before(kind, error, where)
