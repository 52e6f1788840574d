"""Forked children, processes of all kinds and Python threads get the same bits, and none hangs."""

import os
import signal
import threading

import numpy as np
import pytest

import cnnlite
from cnnlite.backend import backend_name, kernels
from tests import trainings
from tests.processes import run_program

pytestmark = pytest.mark.skipif(
    backend_name == "reference", reason="NumPy's threads, bits and signals are its own"
)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# In every program: the parent has used several threads before the children are there.
START = """
import os, threading
import cnnlite
from tests import trainings
from tests.processes import one_step

cnnlite.set_num_threads(4)
expected = one_step()

def wait_for(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def run(code: str) -> list[str]:
    return run_program(START + code)


@needs_fork
def test_a_child_trains_to_the_same_bits() -> None:
    code = """
def train():
    solver = trainings.solver(num_epochs=1)
    solver.train()
    return trainings.fingerprint(solver)

undisturbed = train()
child = os.fork()
if child == 0:
    os._exit(0 if one_step() == expected and train() == undisturbed else 1)
print(wait_for(child), one_step() == expected)
"""
    assert run(code) == ["0", "True"]


@needs_fork
def test_a_childs_child_and_a_thread_of_a_child() -> None:
    code = """
child = os.fork()
if child == 0:
    grandchild = os.fork()
    if grandchild == 0:
        os._exit(0 if one_step() == expected else 1)
    got = []
    worker = threading.Thread(target=lambda: got.append(one_step()))
    worker.start()
    worker.join()
    os._exit(0 if got == [expected] and wait_for(grandchild) == 0 else 1)
print(wait_for(child))
"""
    assert run(code) == ["0"]


@needs_fork
def test_a_fork_while_another_thread_is_in_a_kernel() -> None:
    code = """
stop = threading.Event()
def work():
    while not stop.is_set():
        one_step()
workers = [threading.Thread(target=work) for _ in range(2)]
for worker in workers:
    worker.start()
results = []
for _ in range(10):
    child = os.fork()
    if child == 0:
        os._exit(0 if one_step() == expected else 1)
    results.append(wait_for(child))
stop.set()
for worker in workers:
    worker.join()
print(results == [0] * 10, one_step() == expected)
"""
    assert run(code) == ["True", "True"]


@needs_fork
def test_a_fork_while_another_thread_makes_layers() -> None:
    """functools.cached_property's lock, of Python 3.11, stayed locked in the child."""
    code = """
import sys
from cnnlite import layers
sys.setswitchinterval(1e-6)
class Quick(layers.Layer):
    def forward(self, x, train=True, rng=None): ...
    def backward(self, dy, cache, need_dx=True): ...
stop = threading.Event()
def work():
    while not stop.is_set():
        Quick().params
workers = [threading.Thread(target=work) for _ in range(2)]
for worker in workers:
    worker.start()
results = []
for _ in range(100):
    child = os.fork()
    if child == 0:
        os._exit(0 if Quick().params == {} else 1)
    results.append(wait_for(child))
stop.set()
for worker in workers:
    worker.join()
print(results == [0] * 100)
"""
    # coverage has locks of its own, and a file that a hundred children would write to
    nothing = {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
    assert run_program(START + code, **nothing) == ["True"]


@needs_fork
def test_a_fork_from_a_thread() -> None:
    code = """
results = []
def work():
    child = os.fork()
    if child == 0:
        os._exit(0 if one_step() == expected else 1)
    results.append(wait_for(child))
worker = threading.Thread(target=work)
worker.start()
worker.join()
print(results, cnnlite.get_num_threads() > 1, one_step() == expected)
"""
    several = str(kernels.multithreaded())
    assert run(code) == ["[0]", several, "True"]


# A fork by a signal's handler in the middle of a kernel, which is where some of y is still 77.

FORKING_HANDLER = """
import signal, sys, time
import numpy as np
from cnnlite.backend import kernels

x = np.random.default_rng(0).standard_normal((256, 32, 32, 32)).astype(np.float32)
y = np.full_like(x, 77)
def pool(images):
    kernels.avg_pool2d_forward(x[:images], y[:images], (15, 15), (1, 1), (7,) * 4, True)
    return y[:images].tobytes()

def pool_for_a_while():
    end = time.monotonic() + 0.3  # a kernel looks for signals ten times a second
    while time.monotonic() < end:
        if pool(16) != pooled[: 16 * x[0].nbytes]:
            return False
    return True

def fork(*_):
    global child
    if (y == 77).all() or not (y == 77).any():
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        return
    child = os.fork()
    if child == 0 and sys.argv[1] == "raises":
        raise InterruptedError
    if child == 0 and sys.argv[1] == "works":
        before = y.copy()
        print(pool_for_a_while(), flush=True)
        y[:] = before

pooled, child, ended = pool(256), None, "finished"
signal.signal(signal.SIGALRM, fork)
signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    while child is None:
        y[:] = 77
        again = pool(256)
    assert again == pooled
except (InterruptedError, RuntimeError) as error:
    ended = type(error).__name__
if child == 0:
    print(ended, pool_for_a_while(), flush=True)
    os._exit(0)
print(wait_for(child), ended)
"""


@needs_fork
@pytest.mark.skipif(not kernels.multithreaded(), reason="needs threads")
@pytest.mark.parametrize(
    ("child", "says"),
    [
        ("returns", ["RuntimeError", "True"]),
        ("raises", ["InterruptedError", "True"]),
        ("works", ["True", "RuntimeError", "True"]),
    ],
)
def test_a_fork_in_a_kernel_spoils_that_kernel_only(child: str, says: list[str]) -> None:
    """The error came in the next kernel too, or instead: then this one returned rubbish."""
    assert run_program(START + FORKING_HANDLER, child) == [*says, "0", "finished"]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(method: str) -> None:
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"needs {method}")
    code = f"""
import multiprocessing
if __name__ == "__main__":
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        print(pool.map(one_step, range(4)) == [expected] * 4)
    print(one_step() == expected)
"""
    assert run(code) == ["True", "True"]


@pytest.mark.parametrize("backend", ["multiprocessing", "loky", "threading"])
def test_joblib(backend: str) -> None:
    pytest.importorskip("joblib")
    code = f"""
import joblib
if __name__ == "__main__":
    calls = [joblib.delayed(one_step)() for _ in range(4)]
    print(joblib.Parallel(n_jobs=2, backend={backend!r})(calls) == [expected] * 4)
"""
    assert run(code) == ["True"]


@pytest.mark.parametrize("train", [False, True])
def test_two_threads_running_one_model(train: bool) -> None:
    """Caches are explicit: nothing that a call needs is kept in the layers."""
    model = trainings.model(16)
    rng = np.random.default_rng(0)
    batches = [rng.standard_normal((40, 3, 8, 8)).astype(np.float32) for _ in range(4)]

    def results(i: int) -> bytes:
        if not train:
            return model(batches[i]).tobytes()
        scores, cache = model.forward(batches[i], rng=i)
        dx, grads = model.backward(np.ones_like(scores), cache)
        return b"".join(array.tobytes() for array in (scores, dx, *grads.values()))

    expected = [results(i) for i in range(4)]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(30):
            if results(i) != expected[i]:
                wrong.append(i)

    before = cnnlite.get_num_threads()
    cnnlite.set_num_threads(2)
    try:
        workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        cnnlite.set_num_threads(before)
    assert wrong == []


# Signals.  What a kernel has not yet written is still 77: so it is seen that it ended early, and no
# clock is needed.  A kernel that is too fast for the timer is tried again on more images.

SIGNAL = """
import signal, sys
import numpy as np
import cnnlite
from cnnlite.backend import kernels
name, threads, raises = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "raises"
cnnlite.set_num_threads(threads)
rng = np.random.default_rng(0)

def arguments(n):
    c = 128 if "winograd" in name else 32
    x = np.tile(rng.standard_normal((1, c, 64, 64)).astype(np.float32), (n, 1, 1, 1))
    y = np.full(x.shape, 77, np.float32)
    one = rng.standard_normal((c, c, 1, 1)).astype(np.float32)
    tiled, winograd = np.tile(one, (1, 1, 15, 15)), np.tile(one, (1, 1, 3, 3))
    square = np.tile(one.ravel(), 4096 * 4096 // one.size).reshape(4096, 4096)
    return y, {
        "conv2d_tiled_forward": (x, tiled, None, y, (1, 1), (7,) * 4, (1, 1), 1),
        "conv2d_tiled_input_gradient": (x, tiled, y, (1, 1), (7,) * 4, (1, 1), 1),
        "conv2d_winograd_forward": (x, winograd, None, y, (1,) * 4, 1, 4),
        "linear_forward": (x.reshape(-1, 4096), square, None, y.reshape(-1, 4096)),
        "avg_pool2d_forward": (x, y, (7, 7), (1, 1), (3,) * 4, True),
    }[name]

def answer(*_):
    answered.append(bool((y == 77).any()))
    if raises:
        raise KeyboardInterrupt

signal.signal(signal.SIGALRM, answer)
n = 16
for attempt in range(15):
    (y, given), answered, ended = arguments(n), [], "finished"
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        getattr(kernels, name)(*given)
    except KeyboardInterrupt:
        ended = "interrupted"
    signal.setitimer(signal.ITIMER_REAL, 0)
    if answered == [True]:
        break
    n = min(2 * n, 256)
interrupted = bool((y == 77).any())
again = np.full_like(y, 77)
fresh = [
    again.reshape(a.shape) if isinstance(a, np.ndarray) and np.may_share_memory(a, y) else a
    for a in given
]
getattr(kernels, name)(*fresh)
print(answered, ended, interrupted, bool((again != 77).all()), bool((again == y).all()))
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize(
    "name",
    [
        "conv2d_tiled_forward",
        "conv2d_tiled_input_gradient",
        "conv2d_winograd_forward",
        "linear_forward",
        "avg_pool2d_forward",
    ],
)
def test_a_signal_is_answered_before_the_kernel_is_done(name: str, threads: str) -> None:
    ends = run_program(SIGNAL, name, threads, "raises")
    assert ends == ["[True]", "interrupted", "True", "True", "False"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
def test_a_handler_that_raises_nothing_changes_nothing() -> None:
    ends = run_program(SIGNAL, "conv2d_tiled_forward", "2", "returns")
    assert ends == ["[True]", "finished", "False", "True", "True"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs the C library of Unix")
@pytest.mark.parametrize("kernel", ["avg_pool2d_forward", "conv2d_tiled_forward"])
def test_daemon_threads_in_kernels_do_not_hinder_the_end_of_a_program(kernel: str) -> None:
    """They looked for signals in a Python that was gone, while the C library was still ending."""
    code = """
import ctypes, sys, threading, time
import numpy as np
from cnnlite.backend import kernels

x = np.zeros((256, 32, 32, 32), np.float32)
weight = np.zeros((32, 32, 15, 15), np.float32)
given = {
    "avg_pool2d_forward": ((15, 15), (1, 1), (7,) * 4, True),
    "conv2d_tiled_forward": ((1, 1), (7,) * 4, (1, 1), 1),
}[sys.argv[1]]
def work():
    y = np.empty_like(x)
    arrays = (x, y) if "pool" in sys.argv[1] else (x, weight, None, y)
    while True:
        getattr(kernels, sys.argv[1])(*arrays, *given)

for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
libc = ctypes.CDLL(None)
libc.__cxa_atexit(libc.sleep, ctypes.c_void_p(1), None)  # after Python has ended
print("ended")
"""
    assert run_program(START + code, kernel) == ["ended"]
