"""What is compiled: every cnnlite/_ext/NAME.pyx, with the C sources of a folder of the same name.

docs/lookup/environment.md has the variables that change the build.  An earlier build in the same
place does not notice that one of them has changed: add --force.  All else is in pyproject.toml.
"""

import gzip
import os
import runpy
import shutil
import sysconfig
import tarfile
from glob import glob
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

# Run, not imported: what cnnlite imports need not be there yet.
ENVIRONMENT = runpy.run_path("cnnlite/environment.py")
KERNEL_LIST = runpy.run_path("cnnlite/kernel_list.py")

DEBUG, SERIAL, SANITIZE = (ENVIRONMENT[name].value() for name in ("DEBUG", "SERIAL", "SANITIZE"))
ABI3 = not sysconfig.get_config_var("Py_GIL_DISABLED")  # free-threaded Python has no stable ABI yet

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "embedsignature": True,
    "freethreading_compatible": False,  # the GIL is the lock of memory.pyx and engine/workspace.pxi
}

# They stop at the first fault.  -O3 would take minutes to compile; Python's own -fwrapv would hide
# overflows.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SANITIZED = [*SANITIZERS, "-O1", "-g1", "-fno-wrapv"]


# clang-cl knows Microsoft's flags, and Clang's after /clang:, but not the /GL of setuptools.
MICROSOFT = ["/O2", "/fp:precise"]
CLANG_CL = [*MICROSOFT, "/clang:-O3", "/clang:-ffp-contract=off"]
CLANG_CL += ["-Wno-unused-command-line-argument"]
WINDOWS_TARGETS = {
    "win-amd64": "x86_64-pc-windows-msvc",
    "win-arm64": "aarch64-pc-windows-msvc",
    "win32": "i686-pc-windows-msvc",
}

GENERATED = Path("build/generated")


EXT = Path("cnnlite/_ext")
KERNELS, FAMILIES = KERNEL_LIST["ENGINE"], KERNEL_LIST["FAMILIES"]

# What Python and C both know, by file; the list of kernels is expanded where C needs it.
HEADERS = {
    "kernel_list.h": f"#define KERNEL_LIST(X) {' '.join(f'X({name})' for name in KERNELS)}\n",
    "most_threads.h": f"enum {{ MOST_THREADS = {ENVIRONMENT['MOST_THREADS']} }};\n",
    "templates.h": "".join(
        f'#include "engine/{family}/{name}.h"\n' for family in FAMILIES for name in FAMILIES[family]
    ),
    "bindings.pxi": "".join(
        f'include "engine/{family}/{family}.pxi"\n'
        for family in FAMILIES
        if (EXT / "engine" / family / f"{family}.pxi").exists()
    ),
}


def write_headers() -> None:
    """Write the headers that have changed; what includes them is compiled again."""
    GENERATED.mkdir(parents=True, exist_ok=True)
    for name, text in HEADERS.items():
        header = GENERATED / name
        if not header.exists() or header.read_text() != text:
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
                *(str(GENERATED / name) for name in HEADERS),
            ]
        ),
        include_dirs=[str(EXT), str(GENERATED)],
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
        py_limited_api=ABI3,
    )


class Build(build_ext):
    """Adds the flags that this compiler knows."""

    def build_extensions(self) -> None:
        libraries = []
        if self.compiler.compiler_type == "msvc":
            flags = self.windows_flags()
        else:
            # -fno-trapping-math: GCC else vectorises no loop with a choice between two numbers.
            # It concerns the flags that operations raise, never their results.
            flags = ["-O3", "-ffp-contract=off", "-fno-trapping-math", "-pthread"]
            flags += ["-g" if DEBUG else "-g0"]
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

    def windows_flags(self) -> list[str]:
        """Compile with Clang where it is installed; Microsoft's own compiler has no vectors."""
        if not self.compiler.initialized:
            self.compiler.initialize(self.plat_name)
        clang = shutil.which("clang-cl")
        if clang is None:
            return MICROSOFT
        self.compiler.cc = clang
        return [*CLANG_CL, f"--target={WINDOWS_TARGETS[self.plat_name]}"]


class Sources(sdist):
    """Gives the same bytes for the same sources, where SOURCE_DATE_EPOCH is set; wheels do too."""

    def make_archive(self, *args: Any, **kwargs: Any) -> str:
        path = super().make_archive(*args, **kwargs)
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        if epoch is not None and path.endswith(".tar.gz"):
            settle(Path(path), int(epoch))
        return path


def settle(archive: Path, time: int) -> None:
    """Write a .tar.gz again without what tells when, where and by whom it was made."""
    draft = archive.with_suffix(".draft")
    with (
        tarfile.open(archive) as old,
        draft.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=time) as packed,
        tarfile.open(fileobj=packed, mode="w") as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.pax_headers = time, {}
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    draft.replace(archive)


write_headers()
setup(
    ext_modules=cythonize(
        [extension(pyx) for pyx in sorted(glob("cnnlite/_ext/*.pyx"))],
        include_path=[str(EXT), str(GENERATED)],
        build_dir="build/cython-debug" if DEBUG else "build/cython",
        compiler_directives=DIRECTIVES,
    ),
    cmdclass={"build_ext": Build, "sdist": Sources},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
)
