"""Trainings on several processes: the bits are those of one process."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from cnnlite.installed import is_installed
from tests import same_ranks, trainings

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
        "exit after joining": "cnnlite: rank 1 of 2 has ended, and the others wait for it",
    }
    started = {
        how: subprocess.Popen(
            ["mpirun", "-n", "2", sys.executable, "-c", FAILING, how],
            cwd=same_ranks.ROOT, stderr=subprocess.PIPE, text=True,
        )
        for how in expected
    }  # fmt: skip
    try:
        errors = {how: process.communicate(timeout=60)[1] for how, process in started.items()}
    finally:
        for process in started.values():
            process.terminate()  # mpirun ends its ranks then
            process.communicate()
    assert started["stopped, slowly"].returncode == 130
    for how, err in errors.items():
        assert started[how].returncode > 0, how
        assert err.count(expected[how]) == 1, err
        assert err.count("Traceback") <= 1, err
