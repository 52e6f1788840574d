"""Run the kernels' tests under AddressSanitizer and UndefinedBehaviorSanitizer.

    python -m tests.sanitize [PYTEST ARGUMENTS]

A build of its own, in a temporary folder, watches every access to memory and every arithmetic
operation; the first that is wrong ends the tests with a report that names the function.  The exit
status is pytest's: 0 if all is well.  Without arguments, the tests of the kernels and of functional
run, but for those against PyTorch, which check numbers and not memory.  Needs Linux and GCC.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.builds import ROOT, build, environment

SELECTION = [
    str(ROOT / "tests/_ext"),
    str(ROOT / "tests/functional"),
    f"--ignore={ROOT / 'tests/functional/test_long_sums.py'}",  # millions of terms: far too slow
    "-m",
    "not torch and not slow",
]


def library(name: str) -> str:
    """Return the path of one of GCC's run-time libraries."""
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"], stdout=subprocess.PIPE, text=True, check=True
    )
    return found.stdout.strip()


def from_root(argument: str) -> str:
    """Return an argument of pytest's, made absolute if it names a file or folder of this tree."""
    path = ROOT / argument.partition("::")[0]
    return str(ROOT / argument) if path.exists() else argument


def main(arguments: list[str]) -> int:
    """Build, test, return the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = build(Path(name, "sanitized"), CC="gcc", CNNLITE_SANITIZE="1")
        if b"__asan_report" not in next(folder.glob("cnnlite/_ext/engine*.so")).read_bytes():
            print("the kernels were built without AddressSanitizer", file=sys.stderr)
            return 1
        # Python itself knows nothing of the sanitizer: it has to be there first.  Each array has
        # memory of its own, given back at once, so that it is known where it ends.
        settings = {
            "LD_PRELOAD": library("libasan.so"),
            "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "PYTHONMALLOC": "malloc",
            "CNNLITE_POOL_LIMIT": "0",
            # Else this tree's own kernels come first.
            "PYTEST_ADDOPTS": f"{os.environ.get('PYTEST_ADDOPTS', '')} -o pythonpath=",
        }
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "auto"),
            *("--rootdir", str(ROOT), *(map(from_root, arguments) if arguments else SELECTION)),
        ]
        done = subprocess.run(
            command, cwd=folder, env={**environment(folder), **settings}, check=False
        )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
