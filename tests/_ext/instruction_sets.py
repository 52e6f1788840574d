"""A test file again, in a process for which CNNLITE_ISA chooses another instruction set."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cnnlite._ext import engine


def run_again(file: str, name: str) -> None:
    """Run a test file's other tests with an instruction set; skip where there is no such set."""
    if name == engine.instruction_set() or "CNNLITE_ISA" in os.environ:
        pytest.skip("the other tests ran with it")
    environment = {**os.environ, "CNNLITE_ISA": name}
    probe = [sys.executable, "-c", "import cnnlite._ext.engine"]
    found = subprocess.run(probe, env=environment, capture_output=True, text=True)
    if found.returncode:  # it says so, and names the choices
        assert f"CNNLITE_ISA is '{name}'" in found.stderr
        pytest.skip(f"this machine or this build has no {name}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
