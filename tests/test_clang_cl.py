"""Kernels as Clang for Windows reads them (clang-cl), which has vectors but no __GNUC__."""

import ast
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.disassembly import HEADERS

ROOT = Path(__file__).parents[1]
# Microsoft's headers are not there: what the kernels take from them.
STUBS = {
    "string.h": "void *memcpy(void *, const void *, size_t), *memset(void *, int, size_t);\n"
    "int strcmp(const char *, const char *);\n",
    "math.h": "#define isfinite(x) __builtin_isfinite(x)\n"
    "double fabs(double), sqrt(double), copysign(double, double);\n",
    "stdlib.h": "void *malloc(size_t);\nvoid free(void *);\n",
    "malloc.h": "void *_aligned_malloc(size_t, size_t);\nvoid _aligned_free(void *);\n",
}


def flags_of_clang_cl() -> list[str]:
    """Return CLANG_CL of setup.py, which cannot be imported."""
    names: dict[str, list[str]] = {}
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign | ast.AugAssign):
            text = ast.unparse(node)
            if text.startswith(("MICROSOFT =", "CLANG_CL =", "CLANG_CL +=")):
                exec(text, {}, names)
    return names["CLANG_CL"]


@pytest.mark.skipif(not shutil.which("clang-19"), reason="no clang-19")
@pytest.mark.parametrize("processor", ["x86_64", "aarch64"])
def test_clang_for_windows_knows_the_flags_and_compiles_kernels_with_vectors(
    tmp_path: Path, processor: str
) -> None:
    for name, text in STUBS.items():
        (tmp_path / name).write_text(f"#include <stddef.h>\n{text}")
    for name, text in HEADERS.items():
        (tmp_path / name).write_text(text)
    isa = "avx2" if processor == "x86_64" else "neon"
    (tmp_path / "kernels.c").write_text(
        f'#include "engine/engine_{isa}.c"\n#include "engine/dispatch.c"\n'
        "#if defined(__GNUC__) || !VECTORS || !(X86_VECTORS || ARM_VECTORS)\n"
        "#error not as clang-cl\n#endif\n"
    )
    command = ["clang-19", "--driver-mode=cl", *flags_of_clang_cl(), "/W3", "/WX", "/c"]
    paths = [f"-I{ROOT / 'cnnlite/_ext'}", f"-I{tmp_path}", f"--target={processor}-pc-windows-msvc"]
    made = f"/Fo{tmp_path / 'kernels.obj'}"
    subprocess.run([*command, *paths, str(tmp_path / "kernels.c"), made], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("clang-19"), reason="no clang-19")
def test_all_kernels_compile_without_vectors_or_words_of_gcc(tmp_path: Path) -> None:
    """For cl.exe, which is not here: Clang in its manner, without its name, ISO C11 and no more."""
    for name, text in STUBS.items():
        (tmp_path / name).write_text(f"#include <stddef.h>\n{text}")
    families = runpy.run_path(str(ROOT / "cnnlite/kernel_list.py"))["FAMILIES"]
    headers = {
        **HEADERS,
        "kernel_list.h": "#define KERNEL_LIST(X) X(conv2d_winograd_forward)\n",
        "templates.h": "".join(
            f'#include "engine/{folder}/{name}.h"\n'
            for folder, names in families.items()
            for name in names
        ),
    }
    for name, text in headers.items():
        (tmp_path / name).write_text(text)
    source = tmp_path / "kernels.c"
    refused = "#if VECTORS || !defined(_MSC_VER)\n#error not as cl.exe\n#endif\n"
    source.write_text(
        f'#include "engine/engine_baseline.c"\n#include "engine/dispatch.c"\n{refused}'
    )
    manner = ("--target=x86_64-pc-windows-msvc", "-U__clang__", "-U__GNUC__", "-std=c11")
    strict = ("-pedantic-errors", "-Werror=vla", "-Werror=gnu", "-Wno-language-extension-token")
    paths = (f"-I{ROOT / 'cnnlite/_ext'}", f"-I{tmp_path}")
    command = ["clang-19", *manner, *strict, *paths]
    subprocess.run([*command, "-fsyntax-only", str(source)], check=True)
    text = subprocess.run(
        [*command, "-E", "-P", str(source)], check=True, capture_output=True, text=True
    ).stdout
    words = set(re.findall(r"\b__(?:attribute__|builtin_\w+|asm\w*|atomic_\w+|typeof\w*)", text))
    of_headers = {"__builtin_isfinite", "__builtin_inff", "__builtin_nanf"}
    assert words <= of_headers
