"""set_num_threads and get_num_threads, as the user sees them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cnnlite
from cnnlite.backend import kernels
from tests.processes import run_program


def test_what_is_set_is_what_is_used():
    before = cnnlite.get_num_threads()
    try:
        cnnlite.set_num_threads(3)
        assert cnnlite.get_num_threads() == (3 if kernels.multithreaded() else 1)
    finally:
        cnnlite.set_num_threads(before)


@pytest.mark.parametrize("n", [0, -1, 1025, 100_000, 2**40])
def test_too_few_and_too_many_are_refused(n):
    with pytest.raises(ValueError, match=f"n is {n}, expected an integer from 1 to 1024"):
        cnnlite.set_num_threads(n)


@pytest.mark.parametrize("n", [1.5, "2", True, None])
def test_what_is_no_integer_is_refused(n):
    with pytest.raises(TypeError, match=f"set_num_threads: n is {n!r}, expected an integer"):
        cnnlite.set_num_threads(n)


def test_the_environment_sets_the_start():
    code = """
import cnnlite
from cnnlite.backend import kernels
from tests.processes import run_program
print(cnnlite.get_num_threads() == (3 if kernels.multithreaded() else 1))
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CNNLITE_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stdout.split() == ["True"], result.stderr


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it counts the threads of Linux")
@pytest.mark.skipif(not kernels.multithreaded(), reason="a serial build has one thread")
def test_one_image_takes_as_many_threads_as_it_has_work_for():
    """A convolution of fewer than 16.8 million products stayed on one thread."""
    code = """
import os
import numpy as np
import cnnlite

def started(layer, *shape):
    before = len(os.listdir("/proc/self/task"))
    cnnlite.freeze(layer)(np.zeros((1, *shape), np.float32))
    return len(os.listdir("/proc/self/task")) - before

cnnlite.set_num_threads(4)
print(started(cnnlite.Conv2d(3, 4, 3, padding=1, rng=0), 3, 32, 32))  # 0.1 million products
print(started(cnnlite.Conv2d(16, 4, 3, padding=1, rng=0), 16, 32, 32))  # 0.6
print(started(cnnlite.Linear(1024, 256, rng=0), 1024))  # 0.3 million weights
"""
    assert run_program(code) == ["0", "1", "2"]
