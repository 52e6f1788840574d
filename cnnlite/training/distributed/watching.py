"""A small process that tells which rank was killed: `mpirun` ends the others before they can.

It is run as a program, too:

    python watching.py RANK=PID RANK=PID ...
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
            words = [f"{rank}={process}" for rank, process in ranks.items()]
            command = [sys.executable, "-I", "-S", __file__, *words]
            watcher = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
            )
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
    ranks = [tuple(map(int, word.split("="))) for word in words]
    watched = {os.pidfd_open(process): (rank, process) for rank, process in ranks}
    poll = select.poll()
    for descriptor in watched:
        poll.register(descriptor, select.POLLIN)
    ended = [watched[descriptor] for descriptor, _ in poll.poll()]
    names = " or ".join(f"rank {rank} (process {process})" for rank, process in ended)
    more = "" if len(ended) == 1 else ", and the others with it; mpirun names the process"
    sys.stderr.write(f"cnnlite: {names} was killed{more}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
