"""Builds of cnnlite with other switches, in folders of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which Python takes cnnlite from `folder`, and these tests."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def build(folder: Path, **switches: str) -> Path:
    """Build this tree's kernels, put its Python files beside them, leave the tree as it is.

    Args:
        folder: where the package goes; objects go to a folder beside it.
        switches: what setup.py and the compiler find in the environment.

    Returns:
        The folder.

    Raises:
        subprocess.CalledProcessError: it does not build; what the compiler said is on stderr.
    """
    objects = folder.with_name(f"{folder.name}-objects")
    subprocess.run(
        [
            *(sys.executable, "setup.py", "-q", "build_ext", f"-j{os.cpu_count()}"),
            *("--build-lib", str(folder), "--build-temp", str(objects)),
        ],
        cwd=ROOT,
        env={**os.environ, **switches},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    shutil.copytree(
        ROOT / "cnnlite",
        folder / "cnnlite",
        ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"),
        dirs_exist_ok=True,
    )
    return folder
