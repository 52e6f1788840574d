"""What setup.py makes anew: what was made of other sources, which contents tell, not ages."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("Cython")
pytest.importorskip("setuptools")
ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="needs a checkout")

EXT = Path("cnnlite/_ext")
MADE = Path("build/cython") / EXT / "tiny.c"
SOURCES = {
    "tiny.pyx": 'include "number.pxi"\ncdef extern from "tiny.h":\n    int LETTERS\n\n\n'
    "def says():\n    return NUMBER, LETTERS\n",
    "number.pxi": "NUMBER = 1\n",
    "tiny.pxd": "",
    "tiny.h": "#define LETTERS 1\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with a module of four files, which this repository's setup.py builds."""
    for name in ("setup.py", "cnnlite/environment.py", "cnnlite/kernel_list.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / EXT).mkdir()
    for name, text in SOURCES.items():
        (tmp_path / EXT / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    """Replace some text as a checkout of an older commit may: the file is older than all builds."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    os.utime(path, (1e9, 1e9))


def test_c_of_other_sources_was_compiled_because_it_was_younger_than_these(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    copied = MADE.with_name("tiny.h")

    def cythonize(*modules: object, **options: object) -> list[object]:
        found.append((MADE.exists(), copied.exists()))
        MADE.parent.mkdir(parents=True, exist_ok=True)
        MADE.touch()
        copied.touch()
        return []

    def keeps_c() -> bool:
        runpy.run_path("setup.py")
        there, header_is_there = found.pop()
        assert not header_is_there
        return there

    monkeypatch.setattr("setuptools.setup", lambda **options: None)
    monkeypatch.setattr("Cython.Build.cythonize", cythonize)
    assert not keeps_c()
    assert keeps_c()
    for name, old, new in (
        ("tiny.pyx", "return NUMBER", "return 2 * NUMBER"),
        ("number.pxi", "1", "2"),
        ("tiny.pxd", "", "# declares nothing\n"),
    ):
        edit(EXT / name, old, new)
        assert not keeps_c(), name
        assert keeps_c(), name
    edit(Path("setup.py"), '"cdivision": True', '"cdivision": False')
    assert not keeps_c()
    monkeypatch.setattr("Cython.__version__", "0")
    assert not keeps_c()
    for path in EXT.iterdir():
        path.touch()
    edit(EXT / "tiny.h", "1", "2")  # concerns the compiler alone
    assert keeps_c()


@pytest.mark.slow
def test_a_module_is_made_anew_where_its_sources_differ_and_nowhere_else(tree: Path) -> None:
    """A header was read from a copy that was younger; a younger module of someone else stayed."""

    def build(**environment: str) -> str:
        settings = {**os.environ, "CFLAGS": "-O0", **environment}
        command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        subprocess.run(command, env=settings, check=True)
        says = "from cnnlite._ext import tiny; print(*tiny.says())"
        done = [sys.executable, "-c", says]
        settings = {**os.environ, "PYTHONPATH": str(tree)}
        return subprocess.run(done, env=settings, check=True, capture_output=True, text=True).stdout

    def when_made() -> int:
        (module,) = (path for path in EXT.glob("tiny.*") if path.name not in SOURCES)
        return module.stat().st_mtime_ns

    assert build() == "1 1\n"
    edit(EXT / "number.pxi", "1", "2")
    assert build() == "2 1\n"
    edit(EXT / "tiny.h", "1", "2")
    assert build() == "2 2\n"
    made = when_made()
    for path in EXT.glob("*.p*"):
        path.touch()
    assert build() == "2 2\n"
    assert when_made() == made
    assert build(CFLAGS="-O1") == "2 2\n"
    assert when_made() > made
    (module,) = (path for path in EXT.glob("tiny.*") if path.name not in SOURCES)
    module.write_bytes(b"of someone else")
    assert build(CFLAGS="-O1") == "2 2\n"
