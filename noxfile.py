"""The tasks of a contributor's day: `nox --list` shows them, `nox -s NAME` runs one.

They run in the environment that is active, which `pip install -e ".[dev]"` has filled; what stands
after `--` goes to the tool: `nox -s test -- tests/optim -x`.  CI runs the same tasks (.ci/run).
"""

import os
import shlex
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "quick"]

C_SOURCES = sorted(str(path) for path in Path("cnnlite/_ext").rglob("*.[ch]"))


@nox.session
def build(session: nox.Session) -> None:
    """Compile the kernels into the tree, after an edit of Cython or C."""
    session.run("python", "setup.py", "-q", "build_ext", "--inplace", *session.posargs)


@nox.session
def debug(session: nox.Session) -> None:
    """Compile for gdb, with bounds checks; `nox -s build` undoes it."""
    command = ("python", "setup.py", "-q", "build_ext", "--inplace")
    session.run(*command, *session.posargs, env={"CNNLITE_DEBUG": "1"})


@nox.session
def annotate(session: nox.Session) -> None:
    """Write build/annotated/NAME.html: the C of each Cython line, and where it calls Python."""
    files = session.posargs or sorted(str(path) for path in Path("cnnlite/_ext").glob("*.pyx"))
    folder = Path("build/annotated")
    folder.mkdir(parents=True, exist_ok=True)
    search = ("-I", "cnnlite/_ext", "-I", "build/generated")
    flags = ("--annotate", "-3", *search, "-X", "wraparound=False,boundscheck=False")
    session.run("cython", *flags, "-X", "cdivision=True", "-o", f"{folder}/", *files)


@nox.session
def quick(session: nox.Session) -> None:
    """Test in a minute: layers, functional, training; no processes, no theory."""
    folders = ("tests/functional", "tests/layers", "tests/training", "tests/optim")
    session.run("pytest", "-q", "-x", *(session.posargs or folders))


@nox.session
def test(session: nox.Session) -> None:
    """Test everything but what is marked slow."""
    session.run("pytest", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Test a wheel (`-- FILE.whl`; else it is built) in a new environment, far from the sources."""
    release = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["cibuildwheel"]
    given = [Path(word).resolve() for word in session.posargs if word.endswith(".whl")]
    tests = [word for word in session.posargs if not word.endswith(".whl")]
    with tempfile.TemporaryDirectory(prefix="cnnlite-wheel-") as name:
        folder = Path(name)
        if not given:
            session.run("python", "-m", "build", "--wheel", "--outdir", name)
        session.run("python", "-m", "venv", str(folder / "environment"))
        programs = folder / "environment" / ("Scripts" if os.name == "nt" else "bin")
        (built,) = given or folder.glob("*.whl")
        install = (str(programs / "python"), "-m", "pip", "install", "-q", str(built))
        session.run(*install, *release["test-requires"], env={"PYTHONPATH": None})
        for source in map(Path, release["test-sources"]):
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / source)
        commands = [shlex.split(command) for command in release["test-command"]]
        if tests:
            commands = [["python", "-m", "pytest", *tests]]
        with session.chdir(folder):
            for program, *arguments in commands:
                session.run(str(programs / program), *arguments, env={"PYTHONPATH": None})


@nox.session
def release(session: nox.Session) -> None:
    """Build what is published, into an empty `dist/`, and have it checked (extra `release`)."""
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", *session.posargs)
    built = sorted(map(str, Path("dist").iterdir()))
    wheels = [name for name in built if name.endswith(".whl")]
    session.run("twine", "check", "--strict", *built)
    session.run("abi3audit", "--strict", "--summary", *wheels)
    if sys.platform == "linux":
        session.run("auditwheel", "show", *wheels)


@nox.session
def cross(session: nox.Session) -> None:
    """Compile and link the kernels for macOS, Windows and musl by zig (extra `release`)."""
    session.run("python", "-m", "tests.cross", *session.posargs)


@nox.session
def pythons(session: nox.Session) -> None:
    """Test this build, which serves every later Python, on 3.13 and 3.14: Debian only."""
    session.run("python", "-m", "tests.pythons", *session.posargs)


@nox.session
def everywhere(session: nox.Session) -> None:
    """Try other compilers, systems and Pythons, as far as this machine has them; minutes each."""
    names = ("_ext/test_pool", "test_clang_cl", "test_disassembly", "test_packaging", "test_setup")
    files = [f"tests/{name}.py" for name in names]
    session.run("pytest", "-q", "-m", "slow or not slow", *files)
    compilers = [name for name in ("clang", "clang-19", "gcc-14") if shutil.which(name)]
    others = {"workflows": [], "cross": [], "bits": compilers, "emulated": [], "pythons": []}
    for name, arguments in others.items():
        session.notify(name, arguments)


@nox.session
def workflows(session: nox.Session) -> None:
    """Check GitHub's workflows by actionlint and their schema, offline (extra `workflows`)."""
    files = sorted(map(str, Path(".github/workflows").glob("*.yml")))
    session.run("actionlint", "-no-color", *files)
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)


@nox.session
def judge(session: nox.Session) -> None:
    """Test against PyTorch and ONNX, and on CIFAR-10 if CNNLITE_DATA names it."""
    required = {"CNNLITE_REQUIRE_TORCH": "1", "CNNLITE_REQUIRE_ONNX": "1"}
    which = "(torch or onnx or cifar10) and not slow"
    session.run("pytest", "-m", which, *session.posargs, env=required)


@nox.session
def browser(session: nox.Session) -> None:
    """Test pages in headless Chromium (extra `browser`, and Chromium itself)."""
    required = {"CNNLITE_REQUIRE_BROWSER": "1"}
    session.run("pytest", "-m", "browser and not slow", *session.posargs, env=required)


@nox.session
def sanitize(session: nox.Session) -> None:
    """Run the kernels' tests under AddressSanitizer and UndefinedBehaviorSanitizer."""
    session.run("python", "-m", "tests.sanitize", *session.posargs)


@nox.session
def bits(session: nox.Session) -> None:
    """Compare the bits of trainings: numbers of threads, instruction sets, builds, compilers."""
    session.run("python", "-m", "tests.same_bits", *session.posargs)


@nox.session
def emulated(session: nox.Session) -> None:
    """Compare the bits on 64-bit ARM, emulated, or run tests there: minutes, and Debian only."""
    session.run("python", "-m", "tests.emulated", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Time each kernel once, briefly; the long comparisons are `python -m benchmarks.NAME`."""
    short = ("--benchmark-max-time=0.02", "--benchmark-min-rounds=2", "--benchmark-warmup=off")
    columns = ("--benchmark-columns=median", "--benchmark-sort=name")
    session.run("pytest", "benchmarks", "-q", *short, *columns, *session.posargs)


@nox.session
def notebooks(session: nox.Session) -> None:
    """Execute every notebook: examples, exercises, labs (extra `notebook`)."""
    required = {"CNNLITE_REQUIRE_JUPYTER": "1"}
    session.run("pytest", "-q", "-m", "notebook", *session.posargs, env=required)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every code block of the documents, follow their links, and build the site, offline."""
    session.run("pytest", "-q", *sorted(map(str, Path("tests").glob("test_docs*.py"))))
    site(session)


@nox.session
def site(session: nox.Session) -> None:
    """Build the site of the documents, offline (extra `docs`): build/site/index.html."""
    session.run("python", "-m", "docs.site", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the style of Python, Cython and C, the types, and the direction of the imports."""
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("cython-lint", "cnnlite")
    session.run("clang-format", "--dry-run", "-Werror", *C_SOURCES)
    session.run("mypy")
    session.run("pytest", "-q", "tests/test_law.py")


@nox.session
def format(session: nox.Session) -> None:
    """Lay out Python and C as the linters want them."""
    session.run("ruff", "check", "--fix", "--exit-zero")
    session.run("ruff", "format")
    session.run("clang-format", "-i", *C_SOURCES)
