"""The thread pool by itself, in C: also for Windows, where wine can run what zig compiles."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cnnlite.environment import MOST_THREADS

ROOT = Path(__file__).parents[2]
SOURCES = ("cnnlite/_ext/runtime/parallel.c", "tests/_ext/pool_check.c")
STRICT = ("-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-Icnnlite/_ext")
pytestmark = pytest.mark.skipif(
    not (ROOT / SOURCES[0]).is_file(), reason="an installed cnnlite, without its C"
)
ZIG = (sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu")


def compile_check(folder: Path, *compiler: str) -> Path:
    """Compile the check, with the header that setup.py writes; return the program."""
    (folder / "most_threads.h").write_text(f"enum {{ MOST_THREADS = {MOST_THREADS} }};\n")
    program = folder / "pool.exe"
    command = [*compiler, *STRICT, f"-I{folder}", *SOURCES, "-o", str(program)]
    subprocess.run(command, cwd=ROOT, check=True)
    return program


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_each_piece_is_done_once_and_a_signal_leaves_pieces_out(tmp_path: Path) -> None:
    program = compile_check(tmp_path, "cc", "-pthread")
    done = subprocess.run([program], capture_output=True, text=True)
    assert (done.returncode, done.stdout[1:]) == (0, " threads\n"), done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("ziglang"), reason="no zig")
@pytest.mark.parametrize("macro", ["-DNOTHING", "-DCNNLITE_PLAIN_C"])  # atomics of Clang; of cl.exe
def test_the_pool_has_windows_own_threads(tmp_path: Path, macro: str) -> None:
    program = compile_check(tmp_path, *ZIG, macro)
    if not shutil.which("wine"):
        pytest.skip("it compiles; no wine to run it")
    quiet = {**os.environ, "WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all"}
    done = subprocess.run(["wine", str(program)], env=quiet, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "4 threads\n")


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("ziglang"), reason="no zig")
def test_the_pool_compiles_for_windows_on_arm(tmp_path: Path) -> None:
    compile_check(tmp_path, *ZIG[:-1], "aarch64-windows-gnu")
