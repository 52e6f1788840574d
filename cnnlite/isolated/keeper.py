"""Starts the worker, limits it, and makes sure that nothing of it is left: the keeper.

The keeper is the process that the parent has started; its descendant, the worker, runs the file.
So the file never has the checker as its parent.  On Linux the worker is, where the system lets it,
in a namespace of processes: their first process stands between keeper and worker, the system ends
all others with it, and none of them knows the keeper.  Where there is no namespace the keeper
adopts the worker's orphans and ends them too; on other systems it ends the worker's process group.
"""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from .enclosure import LINUX, enclose

MOST_PROCESSES = 64
LOOK_EVERY = 0.02  # seconds
END_WITH_PARENT, ADOPT_ORPHANS = 1, 36  # from linux/prctl.h
TOO_MANY = "processes"
WAITED = {signal.SIGCHLD, signal.SIGTERM} if hasattr(signal, "SIGCHLD") else set()  # Windows


def keep(work: Callable[[int], None]) -> None:
    """Run `work` in a process that a keeper watches, and say on stderr how it ended.

    Does not return.  What is said is "exit STATUS", "signal NUMBER", "processes"; or nothing, if
    the parent has asked for the end by SIGTERM, or is gone.

    Args:
        work: what the worker does; it ends the process by itself.  It is told its process group,
            or 0 where nobody but the keeper can end that.
    """
    if not hasattr(os, "fork"):  # Windows
        work(0)
        return
    parent = os.getppid()
    signal.pthread_sigmask(signal.SIG_BLOCK, WAITED)
    _process_control(ADOPT_ORPHANS, 1)
    enclosed = enclose()
    child = os.fork()
    if not child:
        _process_control(END_WITH_PARENT, signal.SIGKILL)
        os.setpgid(0, 0)
        if enclosed:
            _stand_first(work)
        _run(work, os.getpid())
    os.closerange(0, 2)  # so that the parent sees at once when the worker is gone
    told = _watch(child, parent)
    _end_all(child)
    if not (enclosed and told == "exit 0"):  # then the first process has told it
        os.write(2, told.encode())
    os._exit(0)


def _stand_first(work: Callable[[int], None]) -> None:
    """Be the first process of a namespace, and say on stderr how the worker in it ended."""
    worker = os.fork()
    if not worker:
        os.setpgid(0, 0)
        _run(work, 0)
    os.closerange(0, 2)
    ended = 0
    while ended != worker:  # others are orphans
        ended, status = os.wait()
    os.write(2, _how(status).encode())
    os._exit(0)


def _run(work: Callable[[int], None], group: int) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED)
    work(group)
    os._exit(0)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit {code}" if code >= 0 else f"signal {-code}"


def _watch(child: int, parent: int) -> str:
    """Wait for the child; reap orphans; stop when it multiplies, or there is nobody to answer."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == child:
            return _how(status)
        if ended:
            continue
        if os.getppid() != parent:
            return ""
        if len(_descendants(MOST_PROCESSES)) > MOST_PROCESSES:
            return TOO_MANY
        if LINUX:
            came = signal.sigtimedwait(WAITED, LOOK_EVERY)
            if came is not None and came.si_signo == signal.SIGTERM:
                return ""
        elif signal.sigwait(WAITED) == signal.SIGTERM:
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


def _end_all(child: int) -> None:
    """End the child and what it has started, also what has gone to a session of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
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
