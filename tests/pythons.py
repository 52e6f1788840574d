"""Run tests on newer Pythons, with the modules of this tree: their stable ABI serves all of them.

    python -m tests.pythons                                3.14, layers and what is below them
    python -m tests.pythons 3.13 3.14 -- tests/optim -x    these, and these tests

Needs Debian or Ubuntu on x86-64, and a network for the first run: each Python is unpacked from
packages of Debian's unstable suite under build/pythons, with a C library of its own, and is started
by that library's loader.  Tests that start a Python by its name cannot run so.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.builds import ROOT
from tests.debian import unpack_python, unpack_wheels

LIBRARIES = ("libssl3t64", "libzstd1")
WHEELS = (
    *("numpy", "safetensors", "platformdirs", "rich", "click", "lazy-loader"),
    *("pytest", "hypothesis", "pillow"),
)
SELECTION = ("tests/functional", "tests/layers", "tests/optim", "tests/training/test_solver.py")


def main(arguments: list[str]) -> int:
    """Test each Python; return the exit status."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    versions, tests = arguments[:split] or ["3.14"], arguments[split + 1 :] or SELECTION
    failed = 0
    for version in versions:
        folder = ROOT / "build" / "pythons" / version
        root = unpack_python(folder, version, "amd64", LIBRARIES, suite="sid")
        site = unpack_wheels(folder, version, "x86_64", WHEELS)
        libraries = root / "usr/lib/x86_64-linux-gnu"
        loader = [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries)]
        python = [*loader, str(root / f"usr/bin/python{version}")]
        settings = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, site)))}
        command = [*python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
        failed |= subprocess.run(command, cwd=ROOT, env=settings, check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
