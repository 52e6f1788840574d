"""A small process that ends all ranks where one of them has ended before all have joined.

MPI waits for such a rank forever, and MPICH's `mpirun` does nothing about it (issue 6124 of
pmodels/mpich, closed as it is).  Open MPI's ends all by itself unless the rank's status is 0.

It is run as a program, too:

    python waiting.py RANK SIZE LAUNCHER COUNT [DESCRIPTOR]
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["end_job", "waiting"]

LAUNCHERS = {"hydra_pmi_proxy", "prterun", "prted", "orterun", "orted", "mpirun"}
"""Programs of MPICH and Open MPI that start the ranks of a machine."""
RANK = (b"PMI_RANK", b"OMPI_COMM_WORLD_RANK")
"""Variables that tell a process its rank."""
PATIENCE = 1.0
"""Seconds that a rank which fails has to end all by itself, and to say why."""
TICK = 0.2
"""Seconds between two looks, and in which `mpirun` reads what a rank has written."""


def end_job(descriptor: int | None, status: int) -> None:
    """Ask `mpirun` to end all ranks, as MPI_Abort does, where that can be done without MPI.

    Args:
        descriptor: of the socket to MPICH's `mpirun`, which takes the lines of PMI, version 1.
        status: of `mpirun`.
    """
    with contextlib.suppress(OSError):
        if descriptor is not None and stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            time.sleep(TICK)
            os.write(descriptor, f"cmd=abort exitcode={status}\n".encode())


@contextlib.contextmanager
def waiting(rank: int, size: int, count: int, descriptor: int | None) -> Iterator[None]:
    """End all ranks where one of this machine ends while this one is in the block.

    Args:
        rank: of this process.
        size: the ranks of all machines.
        count: the ranks of this machine.
        descriptor: as for `end_job`.
    """
    launcher = os.getppid()
    if not _is_launcher(launcher):
        yield
        return
    passed = [] if descriptor is None else [descriptor]
    words = [str(word) for word in (rank, size, launcher, count, *passed)]
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=passed,
    )  # fmt: skip
    try:
        yield
    finally:
        watcher.kill()
        watcher.wait()


def _is_launcher(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip() in LAUNCHERS
    except OSError:
        return False


def _living(launcher: int) -> set[int]:
    """Return the ranks that run, of those that `launcher` has started."""
    found = set()
    for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split():
        with contextlib.suppress(OSError):  # it has just ended
            for variable in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
                name, _, value = variable.partition(b"=")
                if name in RANK and value.isdigit():
                    found.add(int(value))
    return found


def main(rank: int, size: int, launcher: int, count: int, descriptor: int | None = None) -> None:
    """Wait until a rank has ended, and end all, unless the process that has started this ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    since = time.monotonic()  # when all were seen
    while os.getppid() == parent:
        now = time.monotonic()
        living = _living(launcher)
        if len(living) >= count:
            since = now
        elif now > since + PATIENCE + 3 * TICK * min(rank, 10):  # of several the first one ends all
            gone = set(range(size)) - living if size == count else ()
            which = ", ".join(f"rank {number}" for number in sorted(gone)) or "a rank"
            sys.stderr.write(
                f"cnnlite: {which}, on {os.uname().nodename}, has ended before all had joined, "
                "and so all end\n"
            )
            sys.stderr.flush()
            end_job(descriptor, 1)
            time.sleep(TICK)
            os.kill(parent, signal.SIGKILL)  # each mpirun ends all then
        time.sleep(TICK)


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # a system that does not tell the children
        main(*map(int, sys.argv[1:]))
