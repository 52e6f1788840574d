"""What is compiled: every cnnlite/_ext/NAME.pyx, with the C sources of a folder of the same name.

Environment: CNNLITE_DEBUG=1 builds with bounds checks (add --force when changing over),
CNNLITE_NO_OPENMP=1 builds for one thread, CNNLITE_SANITIZE=1 is for `python -m tests.sanitize`.
Everything else is in pyproject.toml.
"""

import os
import sys
import sysconfig
import tempfile
from glob import glob
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

DEBUG = os.environ.get("CNNLITE_DEBUG") == "1"
SERIAL = os.environ.get("CNNLITE_NO_OPENMP") == "1"
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

OPENMP_TEST = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"


def extension(pyx: str) -> Extension:
    name = Path(pyx).stem
    return Extension(
        f"cnnlite._ext.{name}",
        [pyx, *sorted(glob(f"cnnlite/_ext/{name}/*.c"))],
        depends=sorted(glob("cnnlite/_ext/*.pxd") + glob("cnnlite/_ext/**/*.h", recursive=True)),
        include_dirs=["cnnlite/_ext"],
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
        py_limited_api=ABI3,
    )


class Build(build_ext):
    """Adds the flags that this compiler knows, OpenMP's if it has it."""

    def build_extensions(self) -> None:
        if self.compiler.compiler_type == "msvc":
            flags = ["/O2", "/fp:precise"]
        else:
            flags = ["-O3", "-ffp-contract=off", "-g" if DEBUG else "-g0"]
        openmp, libraries = ([], []) if SERIAL else self.openmp()
        if SANITIZE:
            flags += SANITIZED
            libraries += SANITIZERS
        for module in self.extensions:
            module.extra_compile_args += flags + openmp
            module.extra_link_args += libraries
        super().build_extensions()

    def openmp(self) -> tuple[list[str], list[str]]:
        """Return the first flags to compile and to link with which an OpenMP program builds."""
        if self.compiler.compiler_type == "msvc":
            candidates = [(["/openmp"], [])]
        elif sys.platform == "darwin":  # Apple's clang, with libomp from Homebrew or conda
            apple = ["-Xpreprocessor", "-fopenmp"]
            roots = [sys.prefix, "/opt/homebrew/opt/libomp", "/usr/local/opt/libomp"]
            candidates = [(apple, ["-lomp"])] + [
                ([*apple, f"-I{root}/include"], [f"-L{root}/lib", "-lomp"]) for root in roots
            ]
        else:
            candidates = [(["-fopenmp"], ["-fopenmp"])]
        for compile_args, link_args in candidates:
            with tempfile.TemporaryDirectory() as folder:
                source = Path(folder, "probe.c")
                source.write_text(OPENMP_TEST)
                try:
                    objects = self.compiler.compile(
                        [str(source)], output_dir=folder, extra_postargs=compile_args
                    )
                    self.compiler.link_executable(
                        objects, "probe", output_dir=folder, extra_postargs=link_args
                    )
                except (CompileError, LinkError):
                    continue
                return compile_args, link_args
        print("cnnlite: this compiler has no OpenMP; the kernels will use one thread")
        return [], []


setup(
    ext_modules=cythonize(
        [extension(pyx) for pyx in sorted(glob("cnnlite/_ext/*.pyx"))],
        build_dir="build/cython-debug" if DEBUG else "build/cython",
        compiler_directives=DIRECTIVES,
    ),
    cmdclass={"build_ext": Build},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
)
