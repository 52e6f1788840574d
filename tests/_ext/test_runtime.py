"""Threads: the same bits for any number of them, none after a fork, the GIL released."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from cnnlite import _ext


@pytest.fixture(autouse=True)
def restore_threads():
    before = _ext.get_num_threads()
    yield
    _ext.set_num_threads(before)


def everything(x):
    """Run all kernels; return what they wrote."""
    n, c, h, w = x.shape
    window = ((3, 2), (2, 1), (1, 1, 0, 1), (1, 1))
    oh, ow = (h - 1) // 2 + 1, w
    cols, dx = np.empty((n, c * 6, oh * ow), x.dtype), np.empty_like(x)
    _ext.im2col(x, cols, *window)
    _ext.col2im(cols, dx, *window)
    y, argmax = np.empty((n, c, oh, ow), x.dtype), np.empty((n, c, oh, ow), np.int32)
    _ext.max_pool2d_forward(x, y, argmax, *window)
    from_max = np.empty_like(x)
    _ext.max_pool2d_backward(y, argmax, from_max)
    mean, from_mean = np.empty_like(y), np.empty_like(x)
    _ext.avg_pool2d_forward(x, mean, *window[:3], True)
    _ext.avg_pool2d_backward(mean, from_mean, *window[:3], True)
    return cols, dx, y, argmax, from_max, mean, from_mean


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_number_of_threads_does_not_change_a_bit(dtype, rng):
    x = rng.standard_normal((5, 7, 31, 29)).astype(dtype)
    _ext.set_num_threads(1)
    expected = everything(x)
    for threads in (2, 3, 4, 7):
        _ext.set_num_threads(threads)
        for ours, theirs in zip(everything(x), expected, strict=True):
            assert ours.tobytes() == theirs.tobytes()


def test_two_python_threads_get_right_answers(rng):
    images = [rng.standard_normal((4, 8, 30, 30)).astype(np.float32) for _ in range(2)]
    expected = [everything(x) for x in images]
    wrong = []

    def work(i):
        for _ in range(20):
            for ours, theirs in zip(everything(images[i]), expected[i], strict=True):
                if ours.tobytes() != theirs.tobytes():
                    wrong.append(i)

    workers = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_kernels_release_the_gil():
    x, cols = np.ones((48, 16, 32, 32), np.float32), np.empty((48, 784, 1024), np.float32)
    _ext.set_num_threads(1)
    inside = threading.Event()
    done = threading.Event()

    def work():
        inside.set()
        for _ in range(5):
            _ext.im2col(x, cols, (7, 7), (1, 1), (3, 3, 3, 3), (1, 1))
        done.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e9)  # so that only a released GIL lets this thread run
    try:
        worker = threading.Thread(target=work)
        worker.start()
        inside.wait()
        ran_meanwhile = not done.is_set()
        worker.join()
    finally:
        sys.setswitchinterval(interval)
    assert ran_meanwhile


FORK = """
import os, sys
import numpy as np
from cnnlite._backend import kernels

def work():
    x = np.arange(8 * 8 * 32 * 32, dtype=np.float32).reshape(8, 8, 32, 32)
    cols = kernels.empty((8, 72, 1024), np.float32)
    kernels.im2col(x, cols, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
    return cols.tobytes()

kernels.set_num_threads(4)
expected = work()
{fork}
"""


def run_forking(code):
    result = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK.format(fork=code)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_works_on_one_thread_after_a_fork():
    code = """
child = os.fork()
if child == 0:
    same = work() == expected
    kernels.set_num_threads(4)
    same = same and work() == expected
    os._exit(10 * same + kernels.get_num_threads())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), kernels.get_num_threads())
assert work() == expected
"""
    threads = "4" if _ext.openmp() else "1"
    assert run_forking(code) == ["11", threads]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_multiprocessing_pool_works_after_a_parallel_kernel():
    code = """
import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool:
    results = [pool.apply_async(work) for _ in range(4)]
    print(all(result.get(30) == expected for result in results))
"""
    assert run_forking(code) == ["True"]


def test_the_number_of_threads_is_checked():
    with pytest.raises(ValueError, match="n is 0, expected at least 1"):
        _ext.set_num_threads(0)
    with pytest.raises(TypeError):
        _ext.set_num_threads("two")
    with pytest.raises(OverflowError):
        _ext.set_num_threads(2**40)


def test_what_the_kernels_were_built_with():
    assert _ext.compiler() not in ("", "unknown")
    assert _ext.instruction_set() in ("avx512", "avx2", "neon", "baseline")
    _ext.set_num_threads(3)
    assert _ext.get_num_threads() == (3 if _ext.openmp() else 1)


@pytest.mark.skipif(not os.path.exists("/proc/cpuinfo"), reason="needs Linux")
def test_the_instruction_set_is_this_machines():
    with open("/proc/cpuinfo") as file:
        words = set(file.read().split())
    if _ext.instruction_set() in ("avx2", "avx512"):
        assert {"avx2", "fma"} <= words
    assert (_ext.instruction_set() == "avx512") == (
        {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= words
    )
