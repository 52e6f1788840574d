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
import shutil
import subprocess
import sys
from pathlib import Path

from tests import zoo_bits
from tests.builds import ROOT, build

FOLDER = ROOT / "build" / "aarch64"
COMPILER = "aarch64-linux-gnu-gcc"
PACKAGES = (
    *("libc6", "libgcc-s1", "libstdc++6", "libcrypt1", "libexpat1", "zlib1g", "libssl3"),
    *("libffi8", "libbz2-1.0", "liblzma5", "libsqlite3-0", "libuuid1"),
)
WHEELS = (
    *("numpy", "safetensors", "platformdirs", "rich", "click", "lazy-loader"),
    *("pytest", "hypothesis", "pillow"),
)
# The tests are this tree's, the package is the one that was built: so no folder goes before it.
PYTEST = (
    "-m",
    "pytest",
    "-q",
    "--import-mode=importlib",
    "-p",
    "no:cacheprovider",
    "-c",
    "/dev/null",
)


def main(tests: list[str]) -> int:
    """Build, run; return the exit status."""
    missing = [tool for tool in (COMPILER, "qemu-aarch64", "apt-get") if not shutil.which(tool)]
    if missing:
        print(f"emulated: {', '.join(missing)} not found; install gcc-aarch64-linux-gnu, qemu-user")
        return 1
    root, site = unpack_system(FOLDER / "root"), unpack_wheels(FOLDER / "site")
    package = build(FOLDER / "package", CC=COMPILER, LDSHARED=f"{COMPILER} -shared")
    python = ["qemu-aarch64", "-L", str(root), str(root / "usr/bin" / python_name())]
    paths = os.pathsep.join(map(str, (package, ROOT, site)))
    settings = {**os.environ, "PYTHONPATH": paths, "CNNLITE_NUM_THREADS": "2"}
    if tests:
        files = [str(ROOT / test) for test in tests]
        return subprocess.run([*python, *PYTEST, *files], cwd=FOLDER, env=settings).returncode
    done = subprocess.run(
        [*python, "-m", "tests.zoo_bits"], cwd=package, env=settings, stdout=subprocess.PIPE
    )
    return done.returncode or compare(json.loads(done.stdout))


def compare(found: zoo_bits.Table) -> int:
    """Print what differs from the stored hashes; return how many do."""
    table = zoo_bits.tables()[found["rounding"]]
    wrong = zoo_bits.differing(found, table)
    print(f"aarch64, {found['rounding']}: {', '.join(wrong) or 'the same bits'}")
    return len(wrong)


def python_name() -> str:
    """Return the interpreter's name: the version that runs this, as its C interface is needed."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def unpack_system(root: Path) -> Path:
    """Unpack Debian's Python and what it needs, once, with lists of packages of our own."""
    if root.exists():
        return root
    state, archives = FOLDER / "apt", FOLDER / "debs"
    for folder in (state / "partial", archives):
        folder.mkdir(parents=True, exist_ok=True)
    settings = ("APT::Architecture=arm64", "APT::Architectures=arm64", f"Dir::State::Lists={state}")
    apt = ["apt-get", "-q", *(f"-o{setting}" for setting in settings)]
    python = python_name()
    names = (*PACKAGES, python, f"{python}-minimal", f"lib{python}-minimal", f"lib{python}-stdlib")
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "download", *names], cwd=archives, check=True)
    draft = root.with_name("root-draft")
    for archive in archives.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(archive), str(draft)], check=True)
    return draft.rename(root)


def unpack_wheels(site: Path) -> Path:
    """Unpack PyPI's wheels for ARM, once."""
    if not site.exists():
        draft = site.with_name("site-draft")
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        platforms = ("--platform=manylinux_2_28_aarch64", "--platform=manylinux2014_aarch64")
        where = (*platforms, "--only-binary=:all:", f"--python-version={version}")
        pip = (sys.executable, "-m", "pip", "install", "-q", *where, f"--target={draft}")
        subprocess.run([*pip, *WHEELS], check=True)
        draft.rename(site)
    return site


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
