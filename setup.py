"""What is compiled: every cnnlite/_ext/NAME.pyx, with the C sources of a folder of the same name.

Environment: CNNLITE_DEBUG=1 builds with bounds checks, CNNLITE_SERIAL=1 builds for one thread,
CNNLITE_SANITIZE=1 is for `python -m tests.sanitize`.  An earlier build in the same place does not
notice that one of them has changed: add --force.  Everything else is in pyproject.toml.
"""

import os
import runpy
import sysconfig
from glob import glob
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("CNNLITE_DEBUG") == "1"
SERIAL = os.environ.get("CNNLITE_SERIAL") == "1"
SANITIZE = os.environ.get("CNNLITE_SANITIZE") == "1"
ABI3 = not sysconfig.get_config_var("Py_GIL_DISABLED")  # free-threaded Python has no stable ABI yet

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "embedsignature": True,
}

# They stop at the first fault.  -O3 would take minutes to compile; Python's own -fwrapv would hide
# overflows.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SANITIZED = [*SANITIZERS, "-O1", "-g1", "-fno-wrapv"]


GENERATED = Path("build/generated")


def write_kernel_list() -> None:
    """Write the engine's list of kernels as a macro, which C expands where it needs it."""
    names = runpy.run_path("cnnlite/kernel_list.py")["ENGINE"]
    text = f"#define KERNEL_LIST(X) {' '.join(f'X({name})' for name in names)}\n"
    header = GENERATED / "kernel_list.h"
    if not header.exists() or header.read_text() != text:
        GENERATED.mkdir(parents=True, exist_ok=True)
        header.write_text(text)


def extension(pyx: str) -> Extension:
    name = Path(pyx).stem
    return Extension(
        f"cnnlite._ext.{name}",
        [pyx, *sorted(glob(f"cnnlite/_ext/{name}/*.c"))],
        depends=sorted(
            [
                *glob("cnnlite/_ext/*.pxd"),
                *glob("cnnlite/_ext/**/*.pxi", recursive=True),
                *glob("cnnlite/_ext/**/*.h", recursive=True),
                str(GENERATED / "kernel_list.h"),
            ]
        ),
        include_dirs=["cnnlite/_ext", str(GENERATED)],
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
        py_limited_api=ABI3,
    )


class Build(build_ext):
    """Adds the flags that this compiler knows."""

    def build_extensions(self) -> None:
        libraries = []
        if self.compiler.compiler_type == "msvc":
            flags = ["/O2", "/fp:precise"]
            if not SERIAL:
                flags += ["/openmp"]  # it has no POSIX threads
        else:
            flags = ["-O3", "-ffp-contract=off", "-pthread", "-g" if DEBUG else "-g0"]
            libraries += ["-pthread"]
        if SERIAL:
            flags += ["-DCNNLITE_SERIAL"]
        if SANITIZE:
            flags += SANITIZED
            libraries += SANITIZERS
        for module in self.extensions:
            module.extra_compile_args += flags
            module.extra_link_args += libraries
        super().build_extensions()


write_kernel_list()
setup(
    ext_modules=cythonize(
        [extension(pyx) for pyx in sorted(glob("cnnlite/_ext/*.pyx"))],
        build_dir="build/cython-debug" if DEBUG else "build/cython",
        compiler_directives=DIRECTIVES,
    ),
    cmdclass={"build_ext": Build},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
)
