"""Trainings on several processes: the bits are those of one process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from cnnlite.installed import is_installed
from cnnlite.training.distributed import failing
from tests import same_ranks, trainings
from tests.processes import kill_all

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.skipif(
        not (is_installed("mpi4py") and shutil.which("mpirun")), reason="needs mpi4py and mpirun"
    ),
]


def test_two_ranks_have_the_bits_of_one() -> None:
    alone = same_ranks.solver("small")
    alone.train()
    done = same_ranks.run(2, "train", "small")
    assert done.stdout.strip() == f"small: {trainings.fingerprint(alone)}"


FAILING = """
import os, sys
from cnnlite import environment
place, how = environment.launched(), sys.argv[1]
if how == "no mpi4py" and place.rank == 1:
    sys.modules["mpi4py"] = None
if how == "no file" or how == "no file on rank 1" and place.rank == 1:
    raise FileNotFoundError("x.npy")
if how == "exit" and place.rank == 1:
    sys.exit(3)
from cnnlite.training.distributed import joining, ranks
if how == "no fork" and place.rank == 0:
    def Watch(*_):
        raise BlockingIOError("no fork")
    joining.Watch = Watch
if how == "goes on" and place.rank == 1:
    import ctypes, time
    with open("/proc/self/stat") as file:
        start, end = map(int, file.read().rpartition(")")[2].split()[47:49])
    variables = dict(os.environ)
    ctypes.memset(start, 0, end - start)  # as by setproctitle
    os.environ.update(variables)
    time.sleep(2)
if how == "goes on" and place.rank == 0:
    os.system(f"{sys.executable} -c 'import cnnlite; raise ValueError' 2> {os.devnull}")
if how == "stopped, slowly":
    import time
    from cnnlite.cli.ranked import run_ranked
    def command():
        print("it was stopped", file=sys.stderr)
        joining.join().trained = True
        time.sleep(0 if place.rank else 2 * ranks.PATIENCE)
        return 130
    sys.exit(run_ranked(command))
joined = joining.join()
ranks.LONGEST = 0.5
if how == "abort comes back" and place.rank == 1:
    from types import SimpleNamespace
    joined.comm = SimpleNamespace(Ibarrier=joined.comm.Ibarrier, Abort=lambda status: None)
    print("before the end", end="")
    raise ValueError("once")
if how == "exit after joining" and place.rank == 1:
    sys.exit(3)
joined.texts("")
"""
"""A script that fails before its training."""


def test_ranks_waited_forever_for_one_that_failed_before_its_training() -> None:
    expected = {
        "no mpi4py": "ImportError: mpirun has started 2 processes, and to share a training they",
        "no file": "FileNotFoundError: x.npy",
        "no file on rank 1": "FileNotFoundError: x.npy",
        "stopped, slowly": "it was stopped",
        "exit": "cnnlite: rank 1, on ",
        "no fork": "BlockingIOError: no fork",
        "models": "cnnlite models runs on one process: leave mpirun out",
        "goes on": "",
        "abort comes back": "ValueError: once",
        "exit after joining": "cnnlite: rank 1 of 2 has ended, and the others wait for it",
    }
    commands = {how: [sys.executable, "-c", FAILING, how] for how in expected}
    commands["models"] = [sys.executable, "-m", "cnnlite", "models"]
    commands["exit"] = ["sh", "-c", '"$@"; exit $?', "sh", *commands["exit"]]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    started = {
        how: subprocess.Popen(
            ["mpirun", "-n", "2", *commands[how]],
            cwd=same_ranks.ROOT, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        )
        for how in expected
    }  # fmt: skip
    try:
        texts = {how: process.communicate(timeout=60) for how, process in started.items()}
    finally:
        for process in started.values():
            if process.poll() is None:
                kill_all(process)  # mpirun alone; the ranks end with it
            process.communicate()
    errors = {how: err for how, (_, err) in texts.items()}
    assert texts["abort comes back"][0] == "before the end"
    assert started["stopped, slowly"].returncode == 130
    assert started["models"].returncode == 2
    assert (started.pop("goes on").returncode, errors.pop("goes on")) == (0, "")
    for how, err in errors.items():
        assert started[how].returncode > 0, how
        assert err.count(expected[how]) == 1, err
        assert err.count("Traceback") <= 1, err


def test_a_hook_set_after_the_import_showed_an_exception_on_each_rank(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda *_: seen.append("the first hook"))
    hook = type(failing.hook)()
    hook.install()

    def later(*given: Any) -> None:
        seen.append("a later hook")
        hook(*given)

    sys.excepthook = later
    hook.install()  # as where the ranks join
    end_all = lambda *_: seen.append("all end")  # noqa: E731
    hook.ranks = SimpleNamespace(first=True, told=str, end_all=end_all)
    sys.excepthook(ValueError, ValueError("all fail alike"), None)
    assert seen == ["all end", "a later hook", "the first hook"]
