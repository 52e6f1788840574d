"""Threads: the same bits for any number of them, none after a fork, the GIL released."""

import os
import platform
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from cnnlite import _ext
from tests._ext.calls import NAMES, calls
from tests.processes import run_program


@pytest.fixture(autouse=True)
def restore_threads():
    before = _ext.get_num_threads()
    yield
    _ext.set_num_threads(before)


def test_every_kernel_is_called_here():
    assert sorted(calls(1)) == NAMES


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_threads_does_not_change_a_bit(name, dtype):
    call = calls(5, dtype)[name]
    _ext.set_num_threads(1)
    expected = [array.tobytes() for array in call()]
    for threads in (2, 3, 4, 7):
        _ext.set_num_threads(threads)
        assert [array.tobytes() for array in call()] == expected, threads


@pytest.mark.parametrize("name", NAMES)
def test_two_python_threads_get_right_answers(name):
    call = calls(3)[name]
    _ext.set_num_threads(2)
    expected = [array.tobytes() for array in call()]
    wrong = []

    def work():
        for _ in range(10):
            if [array.tobytes() for array in call()] != expected:
                wrong.append(name)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def lets_others_run(call, times):
    """Return whether another Python thread gets its turn while `call` runs, in so many tries."""
    entered, ran = threading.Event(), []

    def work():
        entered.wait()
        ran.append(True)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e9)  # nobody is asked to let go of the GIL: it has to be given away
    try:
        worker = threading.Thread(target=work)
        worker.start()
        entered.set()  # the worker is awake from here on, and waits for the GIL only
        for _ in range(times):
            call()
            if ran:
                break
        seen = bool(ran)
    finally:
        sys.setswitchinterval(interval)
    worker.join()
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_kernels_release_the_gil(name):
    _ext.set_num_threads(1)
    assert lets_others_run(calls(4)[name], times=2000)


def test_every_call_of_the_engine_raises_what_ctrl_c_raised():
    """A call without end_kernel would return rubbish, and the next one would end at once."""
    engine = Path(_ext.__file__).parent / "engine"
    if not engine.is_dir():
        pytest.skip("a wheel has no sources")
    text = "".join(path.read_text() for path in engine.rglob("*.pxi"))
    blocks = re.findall(r"^( +)with nogil:\n((?:\1 +.*\n)+)", text, re.MULTILINE)
    assert len(blocks) == text.count("with nogil:") > 0
    for _, block in blocks:
        assert re.search(r"^ +end_kernel\(\)$", block, re.MULTILINE), block


def test_what_keeps_the_gil_is_found_out():
    numbers = list(range(1000))
    assert not lets_others_run(lambda: sum(numbers), times=2000)


FORK = """
import os, sys
import numpy as np
from cnnlite import _ext as kernels

def work():
    x = np.arange(8 * 8 * 32 * 32, dtype=np.float32).reshape(8, 8, 32, 32)
    cols = np.empty((8, 72, 1024), np.float32)
    kernels.im2col(x, cols, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
    return cols.tobytes()

kernels.set_num_threads(4)
expected = work()
{fork}
"""


def run_forking(code):
    return run_program(FORK.format(fork=code))


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
    threads = "4" if _ext.multithreaded() else "1"
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
    with pytest.raises(ValueError, match="n is 0, expected 1 to 1024"):
        _ext.set_num_threads(0)
    with pytest.raises(TypeError):
        _ext.set_num_threads("two")
    with pytest.raises(OverflowError):
        _ext.set_num_threads(2**40)


SHARED = """
import os
import numpy as np
from cnnlite import _ext as kernels

def shares(elements):
    x = np.ones(elements, np.float32)
    before = native()
    kernels.relu_forward(x, x)
    return native() > before

def native():
    return len(os.listdir("/proc/self/task"))

kernels.set_num_threads(2)
print(shares(2**16 - 1), shares(2**16))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux")
def test_small_arrays_are_not_shared_out():
    """For one image, two threads took longer than one."""
    assert run_program(SHARED) == ["False", str(_ext.multithreaded())]


def test_what_the_kernels_were_built_with():
    assert _ext.compiler() not in ("", "unknown")
    assert _ext.instruction_set() in ("avx512", "avx2", "neon", "baseline")
    _ext.set_num_threads(3)
    assert _ext.get_num_threads() == (3 if _ext.multithreaded() else 1)


@pytest.mark.skipif(
    not os.path.exists("/proc/cpuinfo") or platform.machine() != "x86_64",
    reason="needs Linux on x86; an emulator shows the words of the machine that it runs on",
)
def test_the_instruction_set_is_this_machines():
    with open("/proc/cpuinfo") as file:
        words = set(file.read().split())
    if _ext.instruction_set() in ("avx2", "avx512"):
        assert {"avx2", "fma"} <= words
    assert (_ext.instruction_set() == "avx512") == (
        {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= words
    )
