"""What is compiled: every cnnlite/_ext/NAME.pyx, with the C sources of a folder of the same name.

docs/lookup/environment.md has the variables that change the build.  A module that lies in the tree
is taken as it is if it was made of the same sources by the same commands.  All else is in
pyproject.toml.
"""

import functools
import gzip
import hashlib
import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from glob import glob
from pathlib import Path
from typing import Any

from Cython import __version__ as cython_version
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

CYTHON = Path("build/cython-debug" if DEBUG else "build/cython")
GENERATED = Path("build/generated")
MADE_OF = Path("build/made-of")  # a hash for each module in the tree
READ_BY_COMPILERS = ("CL", "_CL_", "CPATH", "C_INCLUDE_PATH", "MACOSX_DEPLOYMENT_TARGET")

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
        define_macros=[
            *([("Py_LIMITED_API", "0x030B0000")] if ABI3 else []),
            *([("CNNLITE_SERIAL", "1")] if SERIAL and name == "runtime" else []),
        ],
        py_limited_api=ABI3,
    )


def drop_stale_c(folder: Path) -> None:
    """Delete what Cython made of other sources: it goes by ages, which a checkout changes.

    Its copies of headers go, too: what it makes includes them, and not the headers in the tree.
    """
    for copied in folder.rglob("*.h"):
        copied.unlink()
    shared = [*sorted(EXT.rglob("*.pxd")), *sorted(EXT.rglob("*.pxi"))]
    shared += [GENERATED / name for name in HEADERS if name.endswith(".pxi")]
    for pyx in sorted(EXT.glob("*.pyx")):
        digest = hashlib.sha256(repr((DIRECTIVES, cython_version)).encode())
        for file in (pyx, *shared):
            digest.update(file.read_bytes())
        made, note = folder / pyx.with_suffix(".c"), folder / f"{pyx.stem}.made-of"
        if not note.exists() or note.read_text() != digest.hexdigest():
            made.unlink(missing_ok=True)
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(digest.hexdigest())


@functools.cache
def version_of(compiler: str) -> str:
    """Return what a Unix compiler says of itself: another may have its name tomorrow."""
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    return done.stdout


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
        if SANITIZE:
            flags += SANITIZED
            libraries += SANITIZERS
        for module in self.extensions:
            module.extra_compile_args += flags
            module.extra_link_args += libraries
        self.inputs: dict[str, str] = {}
        super().build_extensions()

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def run(self) -> None:
        super().run()
        if self.inplace:
            MADE_OF.mkdir(exist_ok=True)
            for module in self.extensions:
                path = EXT / Path(self.get_ext_filename(module.name)).name
                (MADE_OF / module.name).write_text(self.made_of(module, path))

    def copy_extensions_to_source(self) -> None:
        self.force = True  # else a module of someone else would stay, if it is younger
        super().copy_extensions_to_source()

    def build_extension(self, module: Extension) -> None:
        built = Path(self.get_ext_fullpath(module.name))
        in_tree, note = EXT / built.name, Path(self.build_temp, f"{module.name}.made-of")
        built.parent.mkdir(parents=True, exist_ok=True)
        note.parent.mkdir(parents=True, exist_ok=True)
        self.inputs[module.name] = self.hash_of_inputs(module)  # as they are before they are read
        if self.is_current(module, in_tree, MADE_OF / module.name):
            self.copy_file(str(in_tree), str(built))
        elif not self.is_current(module, built, note):
            built.unlink(missing_ok=True)  # else its age would decide
            super().build_extension(module)
            note.write_text(self.made_of(module, built))

    def is_current(self, module: Extension, built: Path, note: Path) -> bool:
        """Return whether a module was made of what it would be made of now."""
        there = built.exists() and note.exists() and not self.force
        return there and note.read_text() == self.made_of(module, built)

    def made_of(self, module: Extension, built: Path) -> str:
        """Return what tells from which inputs a module was made, and that it still is that."""
        return f"{self.inputs[module.name]} {hashlib.sha256(built.read_bytes()).hexdigest()}"

    def hash_of_inputs(self, module: Extension) -> str:
        """Return a hash of the commands, sources and headers of a module."""
        commands = [getattr(self.compiler, name, "") for name in ("cc", "compiler_so", "linker_so")]
        flags = (module.define_macros, module.extra_compile_args, module.extra_link_args)
        options = (self.define, self.undef, self.include_dirs, self.debug)
        variables = [os.environ.get(name) for name in READ_BY_COMPILERS]
        unix = next((command for command in commands if isinstance(command, list)), None)
        about = (sys.version, commands, flags, options, variables, unix and version_of(unix[0]))
        digest = hashlib.sha256(repr(about).encode())
        for file in (*module.sources, *module.depends):
            digest.update(Path(file).read_bytes())
        return digest.hexdigest()

    def windows_flags(self) -> list[str]:
        """Compile with Clang where it is installed; Microsoft's own compiler has no vectors."""
        if not self.compiler.initialized:
            self.compiler.initialize(self.plat_name)
        # Where winget puts it, which is not on the PATH.
        usual = Path(os.environ.get("PROGRAMFILES", ""), "LLVM", "bin")
        clang = shutil.which("clang-cl") or shutil.which("clang-cl", path=str(usual))
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
drop_stale_c(CYTHON)
setup(
    ext_modules=cythonize(
        [extension(pyx) for pyx in sorted(glob("cnnlite/_ext/*.pyx"))],
        include_path=[str(EXT), str(GENERATED)],
        build_dir=str(CYTHON),
        compiler_directives=DIRECTIVES,
    ),
    cmdclass={"build_ext": Build, "sdist": Sources},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
)
