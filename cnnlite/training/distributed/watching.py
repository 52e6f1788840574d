"""A small process that tells which rank was killed: `mpirun` ends the others before they can.

It is run as a program, too:

    python watching.py RANK=PID=DESCRIPTOR RANK=PID=DESCRIPTOR ...
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping

__all__ = ["Watch"]


class Watch:
    """Watches the ranks of a machine; where the system has no pidfd, nothing does.

    Args:
        ranks: their process ids.
        start: whether to start it: on one of the ranks.

    Attributes:
        process: its id, 0 if there is none.
    """

    def __init__(self, ranks: Mapping[int, int], start: bool) -> None:
        self.process = 0
        if start and hasattr(os, "pidfd_open"):
            opened = {rank: os.pidfd_open(process) for rank, process in ranks.items()}
            words = [f"{rank}={ranks[rank]}={descriptor}" for rank, descriptor in opened.items()]
            watcher = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, *words], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, start_new_session=True, pass_fds=list(opened.values()),
            )  # fmt: skip
            if watcher.stdout is not None:  # it says when it watches
                with watcher.stdout as ready:
                    ready.read(1)
            for descriptor in opened.values():
                os.close(descriptor)
            watcher.returncode = 0  # it outlives this process, and nobody waits for it
            self.process = watcher.pid

    def end(self) -> None:
        """End it, as a rank ends by itself."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGTERM)
            self.process = 0


def main(words: list[str]) -> None:
    """Wait until a process ends, and say which."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(-10)  # before the others have been ended, too
    watched = {}
    poll = select.poll()
    for rank, process, descriptor in (map(int, word.split("=")) for word in words):
        watched[descriptor] = rank, process
        poll.register(descriptor, select.POLLIN)
    os.write(1, b"r")
    os.close(1)
    ended = [watched[descriptor] for descriptor, _ in poll.poll()]
    names = " or ".join(f"rank {rank} (process {process})" for rank, process in ended)
    more = "" if len(ended) == 1 else ", and the others with it; mpirun names the process"
    sys.stderr.write(f"cnnlite: {names} was killed{more}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
