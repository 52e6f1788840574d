"""Starts the worker, limits it, and makes sure that nothing of it is left: the keeper.

The keeper is the process that the parent has started; its child, the worker, runs the file.  So the
file sees the keeper as its parent, never the checker.  On Linux the keeper adopts the worker's
orphans and ends them too, wherever they went; on other systems it ends the worker's process group.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

MOST_PROCESSES = 64
LOOK_EVERY = 0.02  # seconds
END_WITH_PARENT, ADOPT_ORPHANS = 1, 36  # from linux/prctl.h
LINUX = sys.platform.startswith("linux")
TOO_MANY = "processes"


def keep(work: Callable[[], None]) -> None:
    """Run `work` in a process that a keeper watches, and say on stderr how it ended.

    Does not return.  What is said is "exit STATUS", "signal NUMBER", "processes"; or nothing, if
    the parent has asked for the end by SIGTERM, or is gone.

    Args:
        work: what the worker does; it ends the process by itself.
    """
    if not hasattr(os, "fork"):  # Windows
        work()
        return
    parent, waited = os.getppid(), {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    _process_control(ADOPT_ORPHANS, 1)
    worker = os.fork()
    if not worker:
        _process_control(END_WITH_PARENT, signal.SIGKILL)
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, waited)
        work()
        os._exit(0)
    os.closerange(0, 2)  # so that the parent sees at once when the worker is gone
    told = _watch(worker, parent)
    _end_all(worker)
    os.write(2, told.encode())
    os._exit(0)


def _watch(worker: int, parent: int) -> str:
    """Wait for the worker; reap orphans; stop when it multiplies, or there is nobody to answer."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == worker:
            code = os.waitstatus_to_exitcode(status)
            return f"exit {code}" if code >= 0 else f"signal {-code}"
        if ended:
            continue
        if os.getppid() != parent:
            return ""
        if len(_descendants(MOST_PROCESSES)) > MOST_PROCESSES:
            return TOO_MANY
        if LINUX:
            came = signal.sigtimedwait({signal.SIGCHLD, signal.SIGTERM}, LOOK_EVERY)
            if came is not None and came.si_signo == signal.SIGTERM:
                return ""
        elif signal.sigwait({signal.SIGCHLD, signal.SIGTERM}) == signal.SIGTERM:
            return ""


def _descendants(most: int) -> list[int]:
    """Return the processes descended from this one, not many more of them than `most`."""
    found: list[int] = []
    todo = [os.getpid()] if LINUX else []
    while todo and len(found) <= most:
        process = todo.pop()
        with contextlib.suppress(OSError):  # gone in the meantime
            for task in os.listdir(f"/proc/{process}/task"):
                text = Path(f"/proc/{process}/task/{task}/children").read_text()
                children = [int(child) for child in text.split()]
                found += children
                todo += children
    return found


def _end_all(worker: int) -> None:
    """End the worker and what it has started, also what has gone to a session of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, signal.SIGKILL)
    while left := _descendants(1000):
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _process_control(option: int, value: int) -> None:
    if LINUX:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def limit(megabytes: int, seconds: float) -> None:
    """Keep memory, processor time and files small, where the system can (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    for kind, most in (
        (resource.RLIMIT_AS, megabytes * 2**20),
        (resource.RLIMIT_CPU, int(min(seconds, 10**6)) + 5),  # ends what the parent has lost
        (resource.RLIMIT_FSIZE, 2**26),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):  # macOS knows RLIMIT_AS and refuses it
            resource.setrlimit(kind, (most, most))
