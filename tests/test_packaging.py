"""What is shipped: cheap checks always, building and installing with -m slow."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

import cnnlite

ROOT = Path(__file__).parents[1]
EXT = ROOT / "cnnlite/_ext"

pytestmark = pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="needs a checkout")


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def source_files():
    """Every file of the package, without what building leaves behind."""
    built = {".so", ".pyd", ".dylib", ".pyc", ".html"}
    return [
        path.relative_to(ROOT)
        for path in sorted((ROOT / "cnnlite").rglob("*"))
        if path.is_file() and path.suffix not in built
    ]


def test_the_manifest_includes_every_source_file():
    rules = [line.split() for line in (ROOT / "MANIFEST.in").read_text().splitlines()]
    trees = [(rule[1], rule[2:]) for rule in rules if rule and rule[0] == "recursive-include"]
    assert ("cnnlite/_ext", ["*.pyx", "*.pxd", "*.pxi", "*.pyi", "*.h", "*.c"]) in trees
    for path in source_files():
        assert any(
            path.is_relative_to(folder) and any(fnmatch.fnmatch(path.name, p) for p in patterns)
            for folder, patterns in trees
        ), f"{path} would be missing from the sdist"


def test_the_wheel_carries_every_data_file_and_no_kernel_source(project):
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    for path in source_files():
        shipped = path.suffix == ".py" or any(fnmatch.fnmatch(path.name, p) for p in patterns)
        assert shipped == (path.suffix not in {".pyx", ".pxd", ".pxi", ".c", ".h"}), path


def test_data_files_lie_in_packages():
    """Patterns of package data do not reach into folders that are none: the files stayed behind."""
    for path in source_files():
        if path.suffix not in {".py", ".pyx", ".pxd", ".pxi", ".pyi", ".c", ".h"}:
            assert (ROOT / path).with_name("__init__.py").exists(), path


def test_no_generated_source_lies_beside_the_kernels():
    generated = {pyx.with_suffix(".c").name for pyx in EXT.glob("*.pyx")}
    assert not generated & {path.name for path in EXT.iterdir()}


def test_compiler_directives_stand_in_one_place():
    for path in (*EXT.glob("*.pyx"), *EXT.glob("*.pxd")):
        text = path.read_text()
        assert "# cython:" not in text, path.name
        assert not re.search(r"boundscheck|wraparound|cdivision", text), path.name


def test_no_build_for_others_depends_on_this_machine():
    text = (ROOT / "setup.py").read_text()
    for flag in ("fast-math", "Ofast", "march=", "mtune=", "/fp:fast"):
        assert flag not in text


def test_the_command_and_the_version_exist(project):
    module, _, name = project["project"]["scripts"]["cnnlite"].partition(":")
    assert callable(getattr(import_module(module), name))
    assert re.fullmatch(r"\d+\.\d+\.\d+", cnnlite.__version__)
    assert (Path(cnnlite.__file__).parent / "py.typed").exists()


def test_core_dependencies_stay_few(project):
    names = {re.match(r"[\w-]+", text)[0] for text in project["project"]["dependencies"]}
    assert names == {"numpy", "safetensors", "platformdirs", "rich", "click", "lazy-loader"}
    assert not any("torch" in text for text in project["project"]["optional-dependencies"]["test"])


# ---- Building and installing outside the tree

KERNELS = """
import hashlib, sys
import numpy as np
import cnnlite
from cnnlite.backend import kernels
x = np.random.default_rng(0).standard_normal((6, 8, 33, 31)).astype(np.float32)
window = ((3, 2), (2, 1), (1, 1, 0, 1), (1, 1))
digest = hashlib.sha256()
cols, dx = kernels.empty((6, 48, 17 * 31), x.dtype), kernels.empty(x.shape, x.dtype)
y, argmax = kernels.empty((6, 8, 17, 31), x.dtype), kernels.empty((6, 8, 17, 31), np.int32)
kernels.im2col(x, cols, *window); digest.update(cols)
kernels.col2im(cols, dx, *window); digest.update(dx)
kernels.max_pool2d_forward(x, y, argmax, *window); digest.update(y); digest.update(argmax)
kernels.max_pool2d_backward(y, argmax, dx); digest.update(dx)
kernels.avg_pool2d_forward(x, y, *window[:3], True); digest.update(y)
kernels.avg_pool2d_backward(y, dx, *window[:3], True); digest.update(dx)
compiler = kernels.compiler().replace(" ", "-")
print(cnnlite.__file__, kernels.multithreaded(), compiler, digest.hexdigest())
"""


def run(*command, cwd, **environment):
    result = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


def install(archive, folder, **environment):
    """Install into a folder of its own, and return what the kernels there say and compute."""
    pip = ("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-cache-dir")
    run(*pip, "--target", folder, archive, cwd=folder.parent, **environment)
    says = run("-c", KERNELS, cwd=folder.parent, PYTHONPATH=str(folder)).split()
    assert Path(says[0]).is_relative_to(folder)
    return says[1:]


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    pytest.importorskip("build")
    pytest.importorskip("Cython")
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def sdist(dist):
    (path,) = dist.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def from_wheel(dist):
    (path,) = dist.glob("*.whl")
    return install(path, dist / "from_wheel")


@pytest.mark.slow
def test_the_wheel_is_small_and_serves_every_later_python(dist):
    (wheel,) = dist.glob("*.whl")
    assert wheel.stat().st_size < 2 * 2**20
    assert "-cp311-abi3-" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    data = "cnnlite/exercises/start/relu.py.txt"
    assert {"cnnlite/py.typed", "cnnlite/_ext/patches.pyi", data} <= set(names)
    assert not [name for name in names if name.endswith((".pyx", ".pxd", ".c", ".h"))]
    assert {name.split("/")[0] for name in names} == {
        "cnnlite", f"cnnlite-{cnnlite.__version__}.dist-info",
    }  # fmt: skip


@pytest.mark.slow
def test_the_sdist_has_the_sources_and_nothing_generated(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for path in (*EXT.rglob("*.pyx"), *EXT.rglob("*.pxd"), *EXT.rglob("*.[ch]")):
        assert str(path.relative_to(ROOT)) in names
    generated = {str(pyx.with_suffix(".c").relative_to(ROOT)) for pyx in EXT.glob("*.pyx")}
    assert not generated & names
    assert not [name for name in names if name.endswith((".so", ".pyc"))]
    assert {"LICENSE", "README.md", "tests/conftest.py"} <= names


@pytest.mark.slow
def test_the_same_sources_give_the_same_sdist_whenever_and_by_whomever_it_is_built(tmp_path):
    """Files that were made while building had the time of the day, down to fractions of seconds."""
    pytest.importorskip("build")
    kept = shutil.ignore_patterns("build", "dist", ".*", "*.so", "*.egg-info", "__pycache__")
    archives = []
    for name, mask, when in (("first", 0o022, 1_500_000_000), ("second", 0o077, 1_600_000_000)):
        sources = shutil.copytree(ROOT, tmp_path / name / "sources", ignore=kept)
        os.utime(sources / "README.md", (when, when))
        before = os.umask(mask)
        try:
            run(
                *("-m", "build", "--sdist", "--no-isolation", "--outdir", sources / "dist"),
                cwd=sources, SOURCE_DATE_EPOCH="1700000000",
            )  # fmt: skip
        finally:
            os.umask(before)
        archives += (sources / "dist").glob("*.tar.gz")
    first, second = archives
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_the_sdist_installs_outside_the_tree(sdist, from_wheel):
    assert install(sdist, sdist.parent / "from_sdist") == from_wheel


@pytest.mark.slow
def test_a_serial_build_computes_the_same_bits(sdist, from_wheel):
    says = install(sdist, sdist.parent / "serial", CNNLITE_SERIAL="1")
    assert says == ["False", *from_wheel[1:]]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang")
def test_clang_computes_the_same_bits(sdist, from_wheel):
    says = install(sdist, sdist.parent / "clang", CC="clang", LDSHARED="clang -shared")
    assert "Clang" in says[1]
    assert says[2] == from_wheel[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "switch",
    [("CNNLITE_DEBUG", "1"), ("CFLAGS", "-DCNNLITE_PLAIN_C")],
    ids=["bounds checks", "no vectors"],
)
def test_the_kernels_tests_pass_in_other_builds(sdist, tmp_path, switch):
    """Without vectors it is what a compiler gets that has none, as Microsoft's."""
    install(sdist, tmp_path / "built", **dict([switch]))
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "sources", filter="data")
    (sources,) = (tmp_path / "sources").iterdir()
    shutil.rmtree(sources / "cnnlite")
    run(
        *("-m", "pytest", "-q", "tests/_ext", "tests/test_backend.py"),
        *("-k", "not instruction_set_is_this_machines"),
        cwd=sources, PYTHONPATH=str(tmp_path / "built"),
    )  # fmt: skip
