"""Runs a student's file in a process of its own, that can neither hang nor harm the check."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cnnlite.exercises import worker

__all__ = ["MEGABYTES", "run_apart"]

MEGABYTES = 1024  # of address space
LONGEST_REPLY = 2**26  # bytes
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def run_apart(job: dict[str, Any]) -> dict[str, Any]:
    """Do what `worker.run` does, in a child process with limits.

    Stdin and stdout of the child are nameless files, not pipes: a child of the child that lives
    on cannot keep us waiting, and what it prints goes nowhere.

    Args:
        job: see `worker.run`; and "seconds", the time limit.

    Returns:
        what `worker.run` returned there; or {"timeout": seconds}; or {"ended": exit status} if the
        child was over without an answer.
    """
    with tempfile.TemporaryFile() as question, tempfile.TemporaryFile() as answer:
        question.write(json.dumps({**job, "megabytes": MEGABYTES}).encode())
        question.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-P", str(Path(worker.__file__))],
            stdin=question,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ONE_THREAD},
            start_new_session=True,
        )
        try:
            status: int | None = process.wait(job["seconds"])
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end(process)
        if status is None:
            return {"timeout": job["seconds"]}
        answer.seek(0)
        text = answer.read(LONGEST_REPLY)
    try:
        reply = json.loads(text)
        told = isinstance(reply, dict) and not {"timeout", "ended"} & reply.keys()
        return reply if told else {"ended": status}  # these two are not for the child to say
    except (ValueError, RecursionError):  # it said nothing, or the student's file wrote into it
        return {"ended": status}


def _end(process: subprocess.Popen) -> None:
    """End the child and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
