"""Compilers keep the accumulators of the hot loops in registers (disassembly.py has the table)."""

import platform

import pytest

from tests import disassembly

SLOW = pytest.mark.slow  # a second for each
CASES = [
    ("gcc", "avx2"),
    pytest.param("gcc", "baseline", marks=SLOW),
    pytest.param("gcc", "avx512", marks=SLOW),
    pytest.param("clang-19", "avx2", marks=SLOW),
    pytest.param("clang-19", "avx512", marks=SLOW),
    pytest.param("aarch64-linux-gnu-gcc", "neon", marks=SLOW),
    pytest.param("clang-19 --target=aarch64-linux-gnu", "neon", marks=SLOW),
]
LOOP = """
    vmovups (%rdx),%ymm14
    vmovups 0x20(%rdx),%ymm13
    vmovups 0x40(%rdx),%ymm12
    vbroadcastss (%rsi),%ymm15
    vfmadd231ps %ymm14,%ymm15,%ymm0
    vfmadd231ps %ymm13,%ymm15,%ymm1
    vfmadd231ps %ymm12,%ymm15,%ymm2
    vbroadcastss 0x4(%rsi),%ymm15
    vfmadd231ps %ymm14,%ymm15,%ymm3
    vfmadd231ps %ymm13,%ymm15,%ymm4
    vfmadd231ps %ymm12,%ymm15,%ymm5
    vbroadcastss 0x8(%rsi),%ymm15
    vfmadd231ps %ymm14,%ymm15,%ymm6
    vfmadd231ps %ymm13,%ymm15,%ymm7
    vfmadd231ps %ymm12,%ymm15,%ymm8
    vbroadcastss 0xc(%rsi),%ymm15
    vfmadd231ps %ymm14,%ymm15,%ymm9
    vfmadd231ps %ymm13,%ymm15,%ymm10
    vfmadd231ps %ymm12,%ymm15,%ymm11
    add $0x10,%rsi
    add $0x60,%rdx
    dec %rdi
    jne 0 <loop>
"""


@pytest.mark.parametrize(("compiler", "isa"), CASES)
def test_accumulators_stay_in_registers(compiler: str, isa: str) -> None:
    if isa not in disassembly.SETS[disassembly.architecture(compiler)]:
        pytest.skip("another processor's instruction set")
    if not disassembly.at_hand(compiler):
        pytest.skip(f"{compiler} or its objdump is not there")
    loops = disassembly.loops_of(compiler, isa)
    widest = {(loop.kernel, loop.nv) for loop in loops}
    panel = disassembly.numbers(isa)["PANEL"]
    assert {(kernel, panel) for kernel in ("forward_product", "adjoint_product")} <= widest
    assert [loop for loop in loops if not loop.is_tight()] == []


@SLOW
@pytest.mark.skipif(platform.machine() != "x86_64", reason="counts SSE2's instructions")
@pytest.mark.parametrize("compiler", ["gcc", "clang", "clang-19"])
def test_plain_c_becomes_vectors_that_stay_in_registers(compiler: str) -> None:
    if not disassembly.at_hand(compiler):
        pytest.skip(f"{compiler} or its objdump is not there")
    loops = disassembly.plain_loops(compiler)
    assert len(loops) >= 2
    assert set(loops) == {(8, 0)}  # 4 rows of 8 numbers, 4 in a vector


def test_a_loop_is_counted_and_a_spill_of_clang_17_to_20_is_noticed() -> None:
    loop = [line.strip() for line in LOOP.strip().splitlines()]
    code = [(0, "xor %eax,%eax"), *((4 * i + 4, text) for i, text in enumerate(loop))]
    code[-1] = (code[-1][0], "jne 4 <loop>")
    (body,) = disassembly.innermost_loops([*code, (1000, "ret")])
    assert body == [text for _, text in code[1:]]
    tight = disassembly.measure(body, "micro_packed", "avx2", 8)
    assert tight == disassembly.Loop("micro_packed", 4, 3, 23.0, 19, 0, 0)
    assert tight.is_tight()
    spilled = ["vmovups %ymm4,-0x28(%rsp)", *body[:-1], "vmovups -0x28(%rsp),%ymm4", body[-1]]
    loose = disassembly.measure(spilled, "micro_packed", "avx2", 8)
    assert loose is not None
    assert (loose.spilled, loose.is_tight()) == (2, False)
    copies = ["vmovaps %ymm5,%ymm7"] * 20
    copied = disassembly.measure([*copies, *body], "micro_packed", "avx2", 8)
    assert copied is not None
    assert (copied.spilled, copied.is_tight()) == (0, False)
