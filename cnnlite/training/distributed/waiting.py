"""A small process that ends all ranks where one of them has ended before all have joined.

MPI waits for such a rank forever, and MPICH's `mpirun` does nothing about it (issue 6124 of
pmodels/mpich, closed as it is).  Open MPI's ends all by itself unless the rank's status is 0.

It is run as a program, too:

    python waiting.py RANK SIZE LAUNCHER COUNT PARENT [DESCRIPTOR]
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["end_job", "launched_here", "waiting"]

LAUNCHERS = {
    "hydra_pmi_proxy", "prterun", "prted", "orterun", "orted", "mpirun", "mpiexec",
    "mpirun.openmpi", "mpiexec.openmpi",
}  # fmt: skip
"""Programs of MPICH and Open MPI that start the ranks of a machine."""
RANK = (b"PMI_RANK", b"OMPI_COMM_WORLD_RANK")
"""Variables that tell a process its rank."""
PATIENCE = 1.0
"""Seconds that a rank which fails has to end all by itself, and to say why."""
TICK = 0.2
"""Seconds between two looks, and in which `mpirun` reads what a rank has written."""


def launched_here() -> bool:
    """Return whether `mpirun` has started this very process, and not a program that runs it.

    A program that a rank starts has the rank's environment, and must not act for the rank.
    """
    return _is_launcher(os.getppid())


def end_job(launcher: int, descriptor: int | None, status: int) -> None:
    """Ask `mpirun` to end all ranks, as MPI_Abort does, where that can be done without MPI.

    Args:
        launcher: the process that has started this rank; a socket to another one is left alone.
        descriptor: of the socket to MPICH's `mpirun`, which takes the lines of PMI, version 1.
        status: of `mpirun`.
    """
    if descriptor is None:
        return
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as wire:
        peer = wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        if struct.unpack("3i", peer)[0] == launcher:
            time.sleep(TICK)
            wire.send(f"cmd=abort exitcode={status}\n".encode())


@contextlib.contextmanager
def waiting(rank: int, size: int, count: int, descriptor: int | None) -> Iterator[None]:
    """End all ranks where one of this machine ends while this one is in the block.

    Args:
        rank: of this process.
        size: the ranks of all machines.
        count: the ranks of this machine.
        descriptor: as for `end_job`.
    """
    launcher = _launcher()
    if launcher is None:
        yield
        return
    passed = [] if descriptor is None else [descriptor]
    words = [str(word) for word in (rank, size, launcher, count, os.getpid(), *passed)]
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=passed,
    )  # fmt: skip
    try:
        yield
    finally:
        watcher.kill()
        watcher.wait()


def _launcher() -> int | None:
    """Return the process that has started this rank, or the shell or program that runs it."""
    process = os.getppid()
    with contextlib.suppress(OSError):
        while process > 1:
            if _is_launcher(process):
                return process
            process = int(_stat(process)[1])
    return None


def _is_launcher(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip() in LAUNCHERS
    except OSError:
        return False


def _stat(process: int | str) -> list[str]:
    """Return the state of a process, its parent, and more."""
    return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _living(launcher: int) -> tuple[set[int], int]:
    """Return the ranks that run, of those that `launcher` has started, and how many more run.

    A process that may not be looked at, or has written a title over its variables, may be a rank.
    """
    ranks, others = set[int](), 0
    for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split():
        try:
            if _stat(child)[0] in "ZX":
                continue
            rank = _rank(Path(f"/proc/{child}/environ").read_bytes())
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        except OSError:
            rank = None
        if rank is None:
            others += 1
        else:
            ranks.add(rank)
    return ranks, others


def _rank(variables: bytes) -> int | None:
    for variable in variables.split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name in RANK and value.isdigit():
            return int(value)
    return None


def main(
    rank: int, size: int, launcher: int, count: int, parent: int, descriptor: int | None = None
) -> None:
    """Wait until a rank has ended, and end all, unless the process that has started this ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    since = time.monotonic()  # when all were seen
    while os.getppid() == parent:
        now = time.monotonic()
        living, others = _living(launcher)
        if len(living) + others >= count:
            since = now
        elif now > since + PATIENCE + 3 * TICK * min(rank, 10):  # of several the first one ends all
            gone = set(range(size)) - living if size == count and not others else ()
            which = ", ".join(f"rank {number}" for number in sorted(gone)) or "a rank"
            sys.stderr.write(
                f"cnnlite: {which}, on {os.uname().nodename}, has ended before all had joined, "
                "and so all end\n"
            )
            sys.stderr.flush()
            end_job(launcher, descriptor, 1)
            time.sleep(TICK)
            if os.getppid() == parent:  # it may have ended, and its number be another's
                os.kill(parent, signal.SIGKILL)  # each mpirun ends all then
        time.sleep(TICK)


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # a system that does not tell the children
        main(*map(int, sys.argv[1:]))
