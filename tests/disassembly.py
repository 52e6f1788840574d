"""The loops in which convolutions spend their time, as each compiler at hand translates them.

    python -m tests.disassembly                        every compiler that is found
    python -m tests.disassembly clang-19 "python -m ziglang cc -target aarch64-linux-gnu"

Compiles the micro-kernel and Winograd's products as setup.py does, disassembles them (objdump), and
prints for each innermost loop the instructions of one step in depth; the products, and the loads
and broadcasts that they need; the rest; and how many reach for the stack: vectors that do not fit
into the registers, and numbers (the end of a loop) that are loaded again.  The exit status is 1 if
a vector is on the stack, or if the rest is more than counters and addresses take.
"""

from __future__ import annotations

import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.builds import ROOT

EXT = ROOT / "cnnlite" / "_ext"
FLAGS = ("-O3", "-ffp-contract=off", "-fno-trapping-math", "-fPIC", "-g0")  # setup.py's
WARNINGS = ("-Wall", "-Wextra", "-Werror")  # GCC took parts of a block for uninitialized
COMPILERS = (
    *("gcc", "gcc-13", "gcc-14", "gcc-15", "clang", "clang-16", "clang-19"),
    *("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-gcc-14"),
    "clang --target=aarch64-linux-gnu",
    "clang-19 --target=aarch64-linux-gnu",
    f"{sys.executable} -m ziglang cc -target x86_64-linux-gnu",
    f"{sys.executable} -m ziglang cc -target aarch64-linux-gnu",
)
HEADERS = {
    "kernel_list.h": "#define KERNEL_LIST(X) X(probe)\n",
    "most_threads.h": "enum { MOST_THREADS = 1 };\n",
    "templates.h": """
#include "engine/simd/vec.h"
#include "engine/simd/microkernel.h"
#include "engine/winograd/product.h"
typedef struct {
    int nv, flag;
    ptrdiff_t n, m;
    REAL *a, *b, *c;
    const REAL *const *columns;
    const ptrdiff_t *offset;
} T(probe_args);

#if VECTORS
KERNEL void T(micro_tiles)(const T(probe_args) *p)
{
    switch (p->nv) {
#define CASE(nv) \\
    case nv: \\
        T(micro_tile)(p->n, p->a, 1, MR, p->b, nv * VL, p->c, p->m, p->flag, p->flag, nv); \\
        break;
        EACH_NV(CASE)
#undef CASE
    }
}
#endif

KERNEL void T(probe)(void *args, workspace *work)
{
    const T(probe_args) *p = args;
#if VECTORS
    T(micro_tiles)(p);
#endif
    T(micro_packed)(p->nv, p->n, p->a, p->m, p->n, p->b, p->c, p->m, p->flag, p->flag);
    T(micro_gathered)(p->nv, p->n, p->a, p->columns, p->offset, p->c, p->m, p->b, p->flag, p->flag);
    T(micro_rows)(p->nv, p->n, p->a, p->m, p->columns, p->offset, p->c, p->m, p->flag);
    T(forward_product)(p->a, p->n, p->b, p->c, p->n, p->n, p->m, 0, 0);
    T(adjoint_product)(p->a, p->b, p->n, p->c, p->n, p->n, p->m, p->flag, 0);
    (void)work;
}
""",
}
OBJDUMP = {"x86": "objdump", "aarch64": "aarch64-linux-gnu-objdump"}
SETS = {"x86": ("baseline", "avx2", "avx512"), "aarch64": ("neon",)}
KERNELS = ("micro_tiles", "micro_gathered", "micro_rows", "forward_product", "adjoint_product")
SPARE = 6  # counters, addresses, the branch, the load of an offset

# AT&T's order on x86: the last operand is written; on ARM the first one is.
PRODUCT = re.compile(r"^(?:vf(?:n?m)add\w*p[sd]|mulp[sd]|fmla)\s+(.*)")
SUM = re.compile(r"^(?:addp[sd])\s+(.*)")  # where there is no multiply-add
JUMP = re.compile(r"^(j\w+|b\.\w+|b|cbn?z|tbn?z)\s+(?:.*?,\s*)?([0-9a-f]+) <")
ENDS = re.compile(r"^(jmp|b|ret|ud2|brk)\b(?!\.)")
VECTOR = re.compile(r"%[xyz]mm|\b[qvsd]\d+\b")
STACK = re.compile(r"%[re]sp|%rbp\)|\[sp\b|\[x29\b")


@dataclass(frozen=True)
class Loop:
    """An innermost loop: `rows` x `nv` accumulators, and the instructions of one step in depth."""

    kernel: str
    rows: int
    nv: int
    instructions: float
    needed: int
    spilled: int
    reloads: int

    @property
    def spare(self) -> float:
        """What is neither a product nor a load or broadcast for one."""
        return self.instructions - self.needed

    def is_tight(self) -> bool:
        """Return whether accumulators stay in registers, with little beside the products."""
        addresses = self.rows if self.kernel == "micro_rows" else 0
        return self.spilled == 0 and self.reloads <= 1 and self.spare <= SPARE + addresses


def compile_kernels(compiler: str, isa: str, folder: Path, *flags: str) -> Path:
    """Compile the loops for an instruction set; return the object file."""
    for name, text in HEADERS.items():
        (folder / name).write_text(text)
    made = folder / "loops.o"
    source = str(EXT / "engine" / f"engine_{isa}.c")
    includes = (f"-I{folder}", f"-I{EXT}")
    command = [*shlex.split(compiler), *FLAGS, *WARNINGS, *flags, *includes]
    command += ["-c", source, "-o", str(made)]
    subprocess.run(command, check=True)
    return made


def architecture(compiler: str) -> str:
    """Return for which processor the compiler translates: "x86" or "aarch64"."""
    arm = "aarch64" in compiler or platform.machine() in ("aarch64", "arm64")
    return "aarch64" if arm else "x86"


def functions(made: Path, objdump: str) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Yield name and instructions, with their addresses, of each function of an object file."""
    command = [objdump, "-d", "--no-show-raw-insn", str(made)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for block in text.split("\n\n"):
        name = re.match(r"\s*[0-9a-f]+ <(.*?)>:", block)
        lines = re.findall(r"^\s*([0-9a-f]+):\s+(.*?)\s*$", block, re.MULTILINE)
        if name:
            yield name[1], [(int(address, 16), text) for address, text in lines]


def innermost_loops(code: list[tuple[int, str]]) -> list[list[str]]:
    """Return the instructions of each loop that holds no other loop."""
    number = {address: i for i, (address, _) in enumerate(code)}
    targets = {}
    for i, (_, text) in enumerate(code):
        jump = JUMP.match(text)
        if jump and int(jump[2], 16) in number:
            targets[i] = number[int(jump[2], 16)]
    starts = sorted({0, *targets.values(), *(i + 1 for i in targets if i + 1 < len(code))})
    blocks = [range(a, b) for a, b in zip(starts, [*starts[1:], len(code)], strict=True)]
    block_of = {start: n for n, start in enumerate(starts)}
    after: list[list[int]] = []
    for n, block in enumerate(blocks):
        last = block[-1]
        follows = [block_of[targets[last]]] if last in targets else []
        if not ENDS.match(code[last][1]) and n + 1 < len(blocks):
            follows.append(n + 1)
        after.append(follows)
    loops = [loop for loop in _loops(after) if not any(other < loop for other in _loops(after))]
    return [[code[i][1] for n in sorted(loop) for i in blocks[n]] for loop in loops]


def _loops(after: list[list[int]]) -> list[frozenset[int]]:
    """Return the natural loops of a graph of blocks: those that return to a block above them."""
    before: dict[int, set[int]] = {n: set() for n in range(len(after))}
    for n, follows in enumerate(after):
        for other in follows:
            before[other].add(n)
    everything = set(before)
    above = {n: set(everything) for n in before}
    above[0] = {0}
    changed = True
    while changed:
        changed = False
        for n in range(1, len(after)):
            common = set.intersection(*(above[b] for b in before[n])) if before[n] else set()
            if above[n] != common | {n}:
                above[n], changed = common | {n}, True
    found: dict[int, set[int]] = {}
    for n, follows in enumerate(after):
        for head in follows:
            if head in above[n]:
                loop, waiting = found.setdefault(head, {head}), [n]
                while waiting:
                    block = waiting.pop()
                    if block not in loop:
                        loop.add(block)
                        waiting.extend(before[block])
    return [frozenset(loop) for loop in found.values()]


def numbers(isa: str) -> dict[str, int]:
    """Return what the header of the instruction set defines: MR, NV, PANEL ..."""
    name = "generic" if isa == "baseline" else isa
    text = (EXT / "engine" / "simd" / f"{name}.h").read_text()
    return {word: int(n) for word, n in re.findall(r"^#define (\w+) (\d+)\b", text, re.MULTILINE)}


def measure(code: list[str], kernel: str, isa: str, lanes: int) -> Loop | None:
    """Count a loop; None if it is not one over depth, with all rows of a block."""
    sizes, x86 = numbers(isa), isa != "neon"
    rows = sizes["TILE_ROWS"] if kernel == "forward_product" else sizes["MR"]
    rows = min(rows, lanes) if kernel == "adjoint_product" else rows
    products = [match[1] for text in code if (match := PRODUCT.match(text))]
    written = products if sizes["FUSED"] else [m[1] for text in code if (m := SUM.match(text))]
    places = {text.rsplit(",", 1)[-1] if x86 else text.split(",", 1)[0] for text in written}
    widest = sizes["NV"] if kernel.startswith("micro") else sizes["PANEL"]
    blocks = [rows * nv for nv in range(1, widest + 1) if len(products) % (rows * nv) == 0]
    if not products or not blocks:
        return None
    block = len(places) if len(places) in blocks else blocks[-1]
    nv, steps = block // rows, len(products) // block
    by_lane = sizes["BY_LANE"] and kernel != "micro_rows"
    folded = isa == "avx512" and nv == 1  # the one product of a factor broadcasts it
    needed = block + nv + (rows // lanes if by_lane else 0 if folded else rows)
    if not sizes["FUSED"]:  # sums; copies of a factor, which products overwrite; shuffles
        needed += block + rows * (nv - 1) + rows
    stack = [text for text in code if STACK.search(text)]
    spilled = sum(bool(VECTOR.search(text)) for text in stack)
    return Loop(kernel, rows, nv, len(code) / steps, needed, spilled, len(stack) - spilled)


def loops_of(compiler: str, isa: str, real: str = "f32") -> list[Loop]:
    """Compile, disassemble and count: the loops of every kernel for one type of numbers."""
    objdump = OBJDUMP["aarch64" if isa == "neon" else "x86"]
    lanes = {"avx512": 64, "avx2": 32}.get(isa, 16) // (4 if real == "f32" else 8)
    with tempfile.TemporaryDirectory(prefix="cnnlite-loops-") as name:
        code = list(functions(compile_kernels(compiler, isa, Path(name)), objdump))
    return [
        loop
        for kernel in KERNELS
        for name, body in code
        if name.lstrip("_").startswith(f"{kernel}_{real}")  # macOS puts one before each name
        for text in innermost_loops(body)
        if (loop := measure(text, kernel, isa, lanes))
    ]


def plain_loops(compiler: str) -> list[tuple[int, int]]:
    """Return products in vectors, and vectors on the stack, of each loop of plain C's sums."""
    with tempfile.TemporaryDirectory(prefix="cnnlite-loops-") as name:
        made = compile_kernels(compiler, "baseline", Path(name), "-DCNNLITE_PLAIN_C")
        loops = [
            loop
            for function, body in functions(made, OBJDUMP[architecture(compiler)])
            if function.lstrip("_").startswith(("sum_outer_x_f32", "sum_outer_v_f32"))
            for loop in innermost_loops(body)
        ]
    return [
        (
            sum(text.startswith("mulps") for text in loop),
            sum(bool(STACK.search(text) and VECTOR.search(text)) for text in loop),
        )
        for loop in loops
    ]


def at_hand(compiler: str) -> bool:
    """Return whether a compiler can be called, and what it makes be disassembled."""
    program, *rest = shlex.split(compiler)
    disassembler = OBJDUMP[architecture(compiler)]
    has_zig = "ziglang" not in rest or find_spec("ziglang") is not None
    return has_zig and all(map(shutil.which, (program, disassembler)))


def main(compilers: list[str]) -> int:
    """Print a table for each compiler and instruction set; return how many loops are not tight."""
    loose = 0
    titles = "kernel | accumulators | instructions | needed | spare | spilled | reloads"
    print(f"| compiler | set | {titles} |\n|{'---|' * 9}")
    for compiler in compilers or [name for name in COMPILERS if at_hand(name)]:
        for isa in SETS[architecture(compiler)]:
            for loop in loops_of(compiler, isa):
                loose += not loop.is_tight()
                name = compiler.replace(sys.executable, "python")
                counts = f"{loop.instructions:.1f} | {loop.needed} | {loop.spare:.1f}"
                print(
                    f"| {name} | {isa} | {loop.kernel} | {loop.rows} x {loop.nv} "
                    f"| {counts} | {loop.spilled} | {loop.reloads} |"
                    f"{'' if loop.is_tight() else ' not tight'}",
                    flush=True,
                )
    return loose


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
