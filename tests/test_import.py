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


def test_type_checkers_see_the_names_that_are_exported():
    tree = ast.parse(Path(cnnlite.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body for alias in node.names}
    assert seen == set(cnnlite.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'cnnlite' has no attribute 'Conv3d'"):
        _ = cnnlite.Conv3d


def test_importing_changes_nothing_outside():
    code = """
import os, random, threading
import numpy as np
def state():
    return (
        dict(os.environ), np.geterr(), random.getstate(), str(np.random.get_state()),
        threading.active_count(), np.float64(5e-324) / 1, np.float32(1e-45) * np.float32(1),
    )
before = state()
import cnnlite
for name in cnnlite.__all__:
    getattr(cnnlite, name)
assert state() == before
assert np.float32(1e-45) * np.float32(1) != 0, "subnormal numbers are flushed to zero"
"""
    run(code)
