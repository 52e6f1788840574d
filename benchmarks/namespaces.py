"""Runs a command under `mpirun`, each rank in a network namespace of its own, over a slow network.

    python -m benchmarks.namespaces --gbits 1 -- python -m benchmarks.exchange
    python -m benchmarks.namespaces --ranks 4 --gbits 10 --keep-threads -- python train.py

It needs Linux, root, `ip`, `tc` and MPICH. The namespaces are joined by one in the middle that
forwards packets; each link sends and receives at most so many bits a second (tc's token bucket).
A rank's threads are one unless --keep-threads is given. What was made is removed at the end.
"""

from __future__ import annotations

import argparse
import os
import shlex
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HUB = "cnnlite-hub"

TCP = {"UCX_TLS": "tcp,self", "FI_PROVIDER": "tcp", "MPIR_CVAR_NOLOCAL": "1"}
"""For MPICH, which would find out that all ranks share one memory."""

LAUNCH = """#!/bin/sh
# Called as ssh is: options, a host, a command.
while [ "${1#-}" != "$1" ]; do shift; done
host=$1; shift
exec ip netns exec "cnnlite-${host##*.}" sh -c "$*"
"""


def ip(*words: str) -> None:
    """Run `ip` with these words."""
    subprocess.run(["ip", *words], check=True)


def spoke(number: int, gbits: float | None) -> None:
    """Make the namespace of a rank, 10.77.NUMBER.NUMBER, and its link to the hub."""
    name, address = f"cnnlite-{number}", f"10.77.{number}"
    here, there = f"cnnl{number}", f"cnnlhub{number}"
    ip("netns", "add", name)
    ip("link", "add", here, "netns", name, "type", "veth", "peer", "name", there, "netns", HUB)
    for space, device, host in ((name, here, number), (HUB, there, 254)):
        ip("-n", space, "addr", "add", f"{address}.{host}/24", "dev", device)
        ip("-n", space, "link", "set", device, "up")
        ip("-n", space, "link", "set", "lo", "up")
        if gbits:
            # A millisecond's bytes may go at once; the kernel hands over up to 64 kB together.
            burst = max(2**18, int(gbits * 1e9 / 8 / 1000))
            subprocess.run(
                ["tc", "-n", space, "qdisc", "add", "dev", device, "root", "tbf",
                 "rate", f"{int(gbits * 1000)}mbit", "burst", str(burst), "latency", "100ms"],
                check=True,
            )  # fmt: skip
    ip("-n", name, "route", "add", "default", "via", f"{address}.254")


@contextmanager
def network(ranks: int, gbits: float | None) -> Iterator[list[str]]:
    """Make the namespaces, and remove them afterwards.

    Args:
        ranks: how many.
        gbits: Gbit/s of each link; None leaves it as fast as it is.

    Yields:
        The ranks' addresses.
    """
    numbers = range(1, ranks + 1)
    try:
        ip("netns", "add", HUB)
        forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        subprocess.run(["ip", "netns", "exec", HUB, "sh", "-c", forward], check=True)
        for number in numbers:
            spoke(number, gbits)
        yield [f"10.77.{number}.{number}" for number in numbers]
    finally:
        for name in (HUB, *(f"cnnlite-{number}" for number in numbers)):
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)


def run(command: list[str], ranks: int, gbits: float | None, threads: bool) -> int:
    """Run a command on the ranks, and return its status."""
    with tempfile.TemporaryDirectory() as place, network(ranks, gbits) as hosts:
        launch = Path(place, "launch")
        launch.write_text(LAUNCH)
        launch.chmod(launch.stat().st_mode | stat.S_IXUSR)
        own = dict(TCP) if threads else TCP | {"CNNLITE_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        words = [
            "ip", "netns", "exec", "cnnlite-1", "mpirun", "-launcher", "ssh",
            "-launcher-exec", str(launch), "-localhost", hosts[0], "-hosts", ",".join(hosts),
            "-n", str(ranks), "-ppn", "1", *command,
        ]  # fmt: skip
        return subprocess.run(words, env=os.environ | own, check=False).returncode


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--gbits", type=float, help="of each link; as fast as it is if left out")
    parser.add_argument("--keep-threads", action="store_true")
    parser.add_argument("command", nargs="+", help="after --")
    asked = parser.parse_args()
    if sys.platform != "linux" or os.geteuid():
        parser.error("network namespaces are Linux's, and need root")
    speed = f"{asked.gbits:g} Gbit/s" if asked.gbits else "as it is"
    print(f"{asked.ranks} namespaces, {speed}: {shlex.join(asked.command)}", flush=True)
    return run(asked.command, asked.ranks, asked.gbits, asked.keep_threads)


if __name__ == "__main__":
    sys.exit(main())
