"""Compile the kernels for other systems, with PyPI's ziglang: nothing may warn, all must link.

    python -m tests.cross                  for all of TARGETS
    python -m tests.cross x86_64-macos     for those that are named

The headers are those of the Python that runs this, with another `pyconfig.h` for Windows, where
modules are linked to an import library of python3.dll that has the stable ABI and nothing else.
abi3audit then reads what was linked.  Needs the extra `release`.  All is kept under build/cross.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.builds import ROOT, build

FOLDER = ROOT / "build" / "cross"
ZIG = f"{sys.executable} -m ziglang"
STABLE_ABI = (3, 11)
STRICT = (
    "-Wall -Wextra -Wno-unused-parameter -Werror"  # Cython's functions do not use all of theirs
)

# Options of the linker; on Windows, the name that its tools have for the machine.
TARGETS = {
    "aarch64-macos": "-undefined dynamic_lookup",
    "x86_64-macos": "-undefined dynamic_lookup",
    "aarch64-windows-gnu": "arm64",
    "x86_64-windows-gnu": "i386:x86-64",
    "x86_64-linux-musl": "",
}

# What Python.h asks of PC/pyconfig.h, as Python has it for 64-bit Windows.
WINDOWS = """\
#define MS_WINDOWS
#define MS_WIN32
#define MS_WIN64
#define Py_ENABLE_SHARED
#define HAVE_DECLSPEC_DLL
#define SIZEOF_INT 4
#define SIZEOF_LONG 4
#define SIZEOF_LONG_LONG 8
#define SIZEOF_SHORT 2
#define SIZEOF_SIZE_T 8
#define SIZEOF_VOID_P 8
#define SIZEOF_WCHAR_T 2
#define SIZEOF__BOOL 1
"""


def headers(target: str) -> Path:
    """Return a folder with the headers of Python for a target."""
    folder = FOLDER / target / "include"
    if not folder.exists():
        shutil.copytree(sysconfig.get_path("include"), folder)
        if "windows" in target:
            (folder / "pyconfig.h").write_text(WINDOWS)
    return folder


def import_library(target: str) -> Path:
    """Return an import library of python3.dll, made of the names of the stable ABI."""
    from abi3info import DATAS, FUNCTIONS

    names = ["LIBRARY python3.dll", "EXPORTS"]
    for known, kind in ((FUNCTIONS, ""), (DATAS, " DATA")):
        names += [
            f"{symbol.name}{kind}"
            for symbol, about in known.items()
            if (about.added.major, about.added.minor) <= STABLE_ABI
        ]
    definition = FOLDER / target / "python3.def"
    definition.parent.mkdir(parents=True, exist_ok=True)
    definition.write_text("\n".join(names) + "\n")
    library = definition.with_name("libpython3.a")
    arguments = ("-d", str(definition), "-l", str(library), "-m", TARGETS[target])
    subprocess.run([*ZIG.split(), "dlltool", *arguments], check=True)
    return library


def compile_for(target: str) -> list[Path]:
    """Compile and link every module; return the files."""
    compiler = f"{ZIG} cc -target {target}"
    windows = "windows" in target
    linking = import_library(target) if windows else TARGETS[target]
    package = build(
        FOLDER / target / "package",
        CC=f"{compiler} -I {headers(target)} {STRICT}",
        LDSHARED=f"{compiler} -shared {linking}",
    )
    modules = sorted((package / "cnnlite/_ext").glob("*.abi3.so"))
    if windows:
        modules = [
            shutil.copy(module, module.with_suffix("").with_suffix(".pyd")) for module in modules
        ]
    return modules


def main(targets: list[str]) -> int:
    """Compile; return the exit status."""
    for target in targets or TARGETS:
        modules = compile_for(target)
        version = ".".join(map(str, STABLE_ABI))
        audit = ("abi3audit", "--strict", "--assume-minimum-abi3", version, *map(str, modules))
        subprocess.run(audit, check=True)
        print(f"{target}: {len(modules)} modules")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
