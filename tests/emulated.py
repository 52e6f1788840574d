"""64-bit ARM, emulated: cross-build the kernels, and run tests with them.

    python -m tests.emulated                                   the hashes of tests/same_bits.json
    python -m tests.emulated tests/_ext/test_pointwise.py      some of the tests

Needs Debian or Ubuntu with gcc-aarch64-linux-gnu and qemu-user, and a network for the first run:
Python for ARM is unpacked from Debian's packages, and its dependencies from PyPI's, under
build/aarch64; the system is left as it is.  A run of the hashes takes minutes.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests import zoo_bits
from tests.builds import ROOT, build
from tests.debian import unpack_python, unpack_wheels

FOLDER = ROOT / "build" / "aarch64"
COMPILER = "aarch64-linux-gnu-gcc"
WHEELS = (
    *("numpy", "safetensors", "platformdirs", "rich", "click", "lazy-loader"),
    *("pytest", "hypothesis", "pillow"),
)


def main(tests: list[str]) -> int:
    """Build, run; return the exit status."""
    missing = [tool for tool in (COMPILER, "qemu-aarch64", "apt-get") if not shutil.which(tool)]
    if missing:
        print(f"emulated: {', '.join(missing)} not found; install gcc-aarch64-linux-gnu, qemu-user")
        return 1
    version = f"{sys.version_info.major}.{sys.version_info.minor}"  # its C interface is needed
    root = unpack_python(FOLDER, version, "arm64", ("libssl3",))
    site = unpack_wheels(FOLDER, version, "aarch64", WHEELS)
    (root / "usr/lib/python3/dist-packages/emulated.pth").write_text(f"{site}\n")
    package = build(FOLDER / "package", CC=COMPILER, LDSHARED=f"{COMPILER} -shared")
    shutil.rmtree(package / "tests", ignore_errors=True)
    shutil.copytree(ROOT / "tests", package / "tests")  # tests import what lies beside them
    shutil.copy(ROOT / "pyproject.toml", package)
    python = write_launcher(root / f"usr/bin/python{version}", root)
    settings = {**os.environ, "PYTHONPATH": str(package), "CNNLITE_NUM_THREADS": "2"}
    if tests:
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
        return subprocess.run(command, cwd=package, env=settings).returncode
    command = [python, "-m", "tests.zoo_bits"]
    done = subprocess.run(command, cwd=package, env=settings, stdout=subprocess.PIPE)
    return done.returncode or compare(json.loads(done.stdout))


def write_launcher(python: Path, root: Path) -> Path:
    """Write a program that runs Python under the emulator, beside it; return its path.

    It is `sys.executable` there, too: the system cannot start ARM's programs, as tests do.
    """
    launcher = python.with_name("emulated-python")
    command = shlex.join(["qemu-aarch64", "-L", str(root), "-0", str(launcher), str(python)])
    launcher.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    launcher.chmod(0o755)
    return launcher


def compare(found: zoo_bits.Table) -> int:
    """Print what differs from the stored hashes; return how many do."""
    table = zoo_bits.tables()[found["rounding"]]
    wrong = zoo_bits.differing(found, table)
    print(f"aarch64, {found['rounding']}: {', '.join(wrong) or 'the same bits'}")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
