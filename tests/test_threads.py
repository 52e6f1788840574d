"""set_num_threads and get_num_threads, as the user sees them."""

import os
import subprocess
import sys

import pytest

import cnnlite
from cnnlite.backend import kernels


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
