"""Which processes a training runs on."""

from __future__ import annotations

import atexit
import json
import os
import socket
import warnings
from typing import Any

import numpy as np

from cnnlite import environment, threads
from cnnlite.backend import backend_name, kernels
from cnnlite.training.distributed.alone import Alone
from cnnlite.training.distributed.failing import hook
from cnnlite.training.distributed.ranks import Ranks
from cnnlite.training.distributed.waiting import waiting
from cnnlite.training.distributed.watching import Watch
from cnnlite.version import __version__

__all__ = ["join", "joined"]

_ranks: Alone | None = None


def join() -> Alone:
    """Return the processes that `mpirun` has started, or this process alone; the first call joins.

    Raises:
        ImportError: there are several, and mpi4py is not installed, or of another MPI.
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
    with waiting(*place):
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:  # RuntimeError: it finds no MPI
            raise ImportError(
                f"mpirun has started {place.size} processes, and to share a training they need "
                f"mpi4py: pip install 'cnnlite[mpi]' ({error})"
            ) from None
    if MPI.COMM_WORLD.Get_size() != place.size:
        raise ImportError(
            f"mpirun has started {place.size} processes, and MPI knows of "
            f"{MPI.COMM_WORLD.Get_size()}: mpirun is of another MPI than the one that mpi4py "
            f"loads, {MPI.Get_library_version().split(',')[0].splitlines()[0]}"
        )
    ranks = Ranks(MPI.COMM_WORLD)
    atexit.register(ranks.leave)
    hook.ranks = ranks
    hook.install()  # others may have taken its place, and a wrapper's rank has none
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
            for what, value in build.items():
                if value != (first := each[0][3][what]):
                    warnings.warn(
                        f"{what} is {first} on rank 0 and {value} on rank {rank}, on {host}: the "
                        "bits may differ from those of other runs",
                        stacklevel=5,
                    )
    return ranks


def _affinity() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _build() -> dict[str, Any]:
    """Return what should be the same on all ranks."""
    return {
        "cnnlite": __version__,
        "NumPy": np.__version__,
        "the backend": backend_name,
        "the compiler": kernels.compiler(),
        "the instruction set": kernels.instruction_set(),
        "fused multiply-add": kernels.fused_multiply_add(),
    }
