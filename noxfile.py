"""The tasks of a contributor's day: `nox --list` shows them, `nox -s NAME` runs one.

They run in the environment that is active, which `pip install -e ".[dev]"` has filled; what stands
after `--` goes to the tool: `nox -s test -- tests/optim -x`.  CI runs the same tasks (.ci/run).
"""

import os
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "quick"]

C_SOURCES = sorted(str(path) for path in Path("cnnlite/_ext").rglob("*.[ch]"))


@nox.session
def build(session: nox.Session) -> None:
    """Compile the kernels into the tree, after an edit of Cython or C."""
    jobs = f"-j{os.cpu_count()}"
    session.run("python", "setup.py", "-q", "build_ext", "--inplace", jobs, *session.posargs)


@nox.session
def debug(session: nox.Session) -> None:
    """Compile for gdb, with bounds checks; `nox -s build -- --force` undoes it."""
    jobs = f"-j{os.cpu_count()}"
    command = ("python", "setup.py", "-q", "build_ext", "--inplace", "--force", jobs)
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
