"""`import cnnlite` is cheap, complete and without side effects."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cnnlite

HEAVY = [
    "PIL",
    "asyncio",
    "click",
    "email",
    "http",
    "importlib.metadata",
    "matplotlib",
    "platformdirs",
    "rich",
    "safetensors",
    "scipy",
    "torch",
    "urllib.request",
]


def run(code):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_nothing_heavy_is_imported():
    """Not even when everything that is exported has been used."""
    code = f"""
import sys, numpy
before = set(sys.modules)
import cnnlite
print(len(set(sys.modules) - before))
for name in cnnlite.__all__:
    getattr(cnnlite, name)
print(*[name for name in {HEAVY!r} if name in set(sys.modules) - before])
"""
    count, heavy = run(code).split("\n")[:2]
    assert heavy == ""
    assert int(count) <= 5  # modules beyond NumPy's own, before any name is used


@pytest.mark.parametrize("name", cnnlite.__all__)
def test_every_exported_name_exists(name):
    assert getattr(cnnlite, name) is not None
    assert name in dir(cnnlite)


def test_the_stub_is_the_only_list_of_the_names():
    listed = ast.parse(Path(cnnlite.__file__).with_suffix(".pyi").read_text())
    imported = {
        alias.asname or alias.name
        for node in listed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(cnnlite.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No cnnlite attribute Conv3d"):
        _ = cnnlite.Conv3d


# What a program can see of its process.  A training of a few steps must leave it as it was too.
STATE = """
import gc, locale, logging, os, random, signal, sys, threading, warnings
import numpy as np
sys.dont_write_bytecode = True
try:
    from threadpoolctl import threadpool_info
except ImportError:
    def threadpool_info():
        return []

def pools():
    return {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}

def state():
    tiny = np.float32([1e-45, 1e-40]), np.float64([5e-324])
    root = logging.getLogger()
    return {
        "environment": dict(os.environ),
        "floating-point errors": np.geterr(),
        "subnormal numbers": [bool((array * 1 != 0).all()) for array in tiny],
        "random numbers": (random.getstate(), str(np.random.get_state())),
        "print options": np.get_printoptions(),
        "signal handlers": {n: signal.getsignal(n) for n in signal.valid_signals()},
        "warnings": (list(warnings.filters), warnings.showwarning),
        "logging": (root.level, list(root.handlers), logging.root.manager.disable),
        "hooks": (sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook),
        "interpreter": (sys.getrecursionlimit(), sys.getswitchinterval()),
        "imports": (list(sys.path), list(sys.meta_path)),
        "garbage collection": (gc.isenabled(), gc.get_threshold()),
        "places": (os.getcwd(), locale.setlocale(locale.LC_ALL)),
        "threads": threading.active_count(),
    }

def compare(before, after, when):
    changed = [name for name in before if before[name] != after[name]]
    assert not changed, (when, changed)

events = []
def hook(event, arguments):
    if event.startswith("socket.") or event in ("subprocess.Popen", "os.system", "os.fork"):
        events.append((event, arguments))
    if event == "open" and isinstance(arguments[1], str) and set("wax+") & set(arguments[1]):
        events.append((event, arguments))
sys.addaudithook(hook)
before, pools_before = state(), pools()
events.clear()  # of threadpoolctl
"""


def test_importing_changes_nothing_outside():
    code = """
import cnnlite
for name in cnnlite.__all__:
    getattr(cnnlite, name)
assert events == [], events
compare(before, state(), "import")
pools_after = pools()
assert {path: pools_after[path] for path in pools_before} == pools_before
"""
    run(STATE + code)


def test_training_changes_nothing_outside():
    code = """
import cnnlite
cnnlite.set_num_threads(3)
rng = np.random.default_rng(0)
X, y = rng.integers(0, 256, (60, 3, 16, 16), dtype=np.uint8), rng.integers(0, 10, 60)
model = cnnlite.Sequential(
    cnnlite.Conv2d(3, 8, 3, padding=1), cnnlite.BatchNorm2d(8), cnnlite.ReLU(),
    cnnlite.MaxPool2d(2), cnnlite.Flatten(), cnnlite.Dropout(0.1), cnnlite.Linear(512, 10),
)
data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
cnnlite.Solver(model, data, batch_size=20, num_epochs=2, verbose=False).train()
assert events == [], events
compare(before, state(), "training")
pools_after = pools()
assert {path: pools_after[path] for path in pools_before} == pools_before
"""
    run(STATE + code)


def test_subnormal_numbers_survive_in_every_thread_of_the_kernels():
    code = """
import cnnlite
from cnnlite.backend import kernels
cnnlite.set_num_threads(4)
for dtype, tiny in (np.float32, 1e-42), (np.float64, 1e-310):
    x = np.full((64, 16, 16, 16), tiny, dtype)
    y = np.empty_like(x)
    kernels.add(x, x, y)
    assert (y == x + x).all() and y.all(), "add"
    one = np.eye(16, dtype=dtype).reshape(16, 16, 1, 1)
    for algorithm in "im2col", "tiled":
        y, _ = cnnlite.functional.conv2d_forward(x, one, algorithm=algorithm)
        assert (y == x).all(), algorithm
    y, _ = cnnlite.functional.avg_pool2d_forward(x, 2)
    assert (y == dtype(tiny)).all(), "avg_pool2d"
    y, _ = cnnlite.functional.linear_forward(x.reshape(-1, 16), one.reshape(16, 16))
    assert y.all(), "linear"
"""
    run(STATE + code)
