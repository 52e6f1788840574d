"""The tiled convolution against the definition, on hundreds of geometries, for any thread count."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

from cnnlite import reference
from cnnlite._ext import engine, memory, runtime
from cnnlite.post_ops import RELU, Kept, PostOps
from cnnlite.reference.post_ops import undo
from tests._ext.instruction_sets import run_again

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-13}


class Case(NamedTuple):
    n: int
    c: int
    h: int
    w: int
    f: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (1, 1, 1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def out(self) -> tuple[int, int]:
        top, bottom, left, right = self.padding
        padded = (self.h + top + bottom, self.w + left + right)
        return tuple(  # type: ignore[return-value]
            (size - dilation * (kernel - 1) - 1) // stride + 1
            for size, kernel, stride, dilation in zip(
                padded, self.kernel, self.stride, self.dilation, strict=True
            )
        )

    @property
    def where(self) -> tuple[object, ...]:
        return self.stride, self.padding, self.dilation, self.groups

    def arrays(self, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x, weight, bias, dy."""
        rng = np.random.default_rng(3)
        shapes = (
            (self.n, self.c, self.h, self.w),
            (self.f, self.c // self.groups, *self.kernel),
            (self.f,),
            (self.n, self.f, *self.out),
        )
        return tuple(  # type: ignore[return-value]
            rng.standard_normal(shape).astype(dtype) for shape in shapes
        )


def geometries(count: int) -> Iterator[Case]:
    """Every kind of size, kernel, stride, padding, dilation and grouping, in any combination."""
    pick = random.Random(count)
    while count:
        groups = pick.choice([1, 1, 1, 2, 3])
        case = Case(
            n=pick.choice([1, 2, 3, 5]),
            c=groups * pick.choice([1, 2, 3, 5, 8, 16, 17, 33]),
            h=pick.choice([1, 2, 5, 7, 8, 9, 16, 17]),
            w=pick.choice([1, 3, 4, 7, 8, 11, 16, 23, 32, 33]),
            f=groups * pick.choice([1, 2, 3, 8, 9, 16, 17]),
            kernel=(pick.choice([1, 2, 3, 3, 5]), pick.choice([1, 2, 3, 3, 7])),
            stride=(pick.choice([1, 1, 2, 3, 5]), pick.choice([1, 1, 2, 3, 4])),
            padding=tuple(pick.choice([0, 0, 1, 1, 2, 3, 5]) for _ in range(4)),
            dilation=(pick.choice([1, 1, 2, 3]), pick.choice([1, 1, 2, 4])),
            groups=groups,
        )
        if min(case.out) > 0:
            count -= 1
            yield case


CASES = [
    Case(2, 16, 8, 8, 16),
    Case(9, 4, 3, 3, 8),  # several images in a vector
    Case(17, 3, 7, 7, 5),
    Case(29, 16, 4, 4, 9),  # panels of several images
    Case(29, 9, 8, 8, 16, stride=(2, 2)),
    Case(13, 4, 4, 8, 8, (1, 3), padding=(0, 0, 1, 1)),
    Case(2, 3, 1, 15, 8),  # single rows, filled up with columns that nobody asked for
    Case(3, 3, 5, 31, 8),
    Case(1, 3, 32, 32, 8, (7, 7), padding=(3, 3, 3, 3)),
    Case(2, 3, 32, 32, 24, (2, 2), padding=(0, 0, 0, 0)),
    Case(1, 700, 6, 6, 3),  # channels copied in several blocks
    Case(1, 2, 6, 1000, 3),  # a row cut in several pieces
    Case(1, 2, 7, 451, 3, stride=(1, 2)),
    Case(2, 64, 8, 8, 24, (1, 1), padding=(0, 0, 0, 0)),
    Case(2, 16, 9, 9, 8, (1, 1), stride=(2, 2), padding=(0, 0, 0, 0)),
    Case(3, 12, 9, 10, 12, groups=12),  # depthwise
    Case(2, 4, 5, 5, 3, padding=(4, 3, 5, 6)),  # padding that the input gradient has to cut off
    Case(1, 2, 9, 9, 3, (2, 2), dilation=(6, 5)),
    Case(1, 1, 4, 4, 1, stride=(1000000, 999999)),  # nothing may grow with the stride
    # Taps so far apart that what lies between them is not copied.
    Case(2, 16, 5, 700, 4, padding=(300, 300, 300, 300), dilation=(300, 300)),
    Case(2, 16, 500, 12, 9, stride=(2, 3), padding=(200, 200, 5, 5), dilation=(201, 3)),
    Case(3, 32, 9, 650, 8, (2, 3), (1, 2), (4, 4, 320, 320), (9, 320), groups=2),
    # Input gradients with phases that no tap reaches: short and long rows, and rows cut in columns.
    *[
        Case(2, 5, 5, width, 6, kernel, stride, (0, 0, 0, 0))
        for width in (*range(14, 19), *range(30, 36), 63, 65)
        for kernel, stride in (((1, 1), (2, 2)), ((2, 1), (3, 2)), ((1, 2), (2, 3)))
    ],
    Case(1, 3, 4, 1300, 5, (1, 1), (2, 2), (0, 0, 0, 0)),
    Case(2, 4, 3, 1301, 6, (2, 1), (3, 2), (1, 0, 0, 2), groups=2),
    # Stride 2, where an input gradient's phases are computed together: rows, columns, or both.
    Case(2, 16, 32, 32, 9, stride=(2, 2)),
    Case(2, 16, 16, 16, 32, stride=(2, 2)),
    Case(3, 17, 9, 35, 8, stride=(2, 1)),
    Case(3, 8, 9, 35, 17, (3, 5), (1, 2), (1, 1, 2, 2)),
    Case(2, 9, 2, 2, 8, (2, 4), (2, 2), (0, 0, 1, 1)),
    Case(1, 5, 15, 14, 700, stride=(2, 2)),  # channels copied in several blocks
    Case(1, 3, 5, 1301, 9, (5, 4), (2, 2), (2, 2, 3, 0)),  # rows cut in several pieces
    Case(2, 16, 9, 40, 6, (2, 2), (3, 4)),  # columns that no tap reads between others
    Case(2, 5, 9, 43, 6, (2, 3), (3, 5)),
    Case(1, 1, 1, 1, 1, (1, 1), padding=(0, 0, 0, 0)),
    *geometries(110),
]

every_case = pytest.mark.parametrize("case", CASES, ids=str)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def outputs(case: Case, arrays: Sequence[np.ndarray], kernels: ModuleType) -> dict[str, np.ndarray]:
    """Everything that the tiled kernels compute for a case, by `engine` or `reference`."""
    x, weight, bias, dy = arrays
    made = {
        name: np.full_like(like, np.nan)
        for name, like in [
            ("y", dy),
            ("plain", dy),
            ("dx", x),
            ("dweight", weight),
            ("dbias", bias),
        ]
    }
    kernels.conv2d_tiled_forward(x, weight, bias, made["y"], *case.where, RELU)
    kernels.conv2d_tiled_forward(x, weight, None, made["plain"], *case.where)
    kernels.conv2d_tiled_input_gradient(dy, weight, made["dx"], *case.where)
    kernels.conv2d_tiled_weight_gradient(x, dy, made["dweight"], made["dbias"], *case.where)
    return made


@both_dtypes
@every_case
def test_equals_the_definition(case: Case, dtype: type) -> None:
    arrays = case.arrays(dtype)
    expected = outputs(case, [a.astype(np.float64) for a in arrays], reference)
    for name, array in outputs(case, arrays, engine).items():
        scale = max(1.0, float(np.abs(expected[name]).max()))
        assert np.abs(array - expected[name]).max() < TOLERANCE[dtype] * scale, name


@both_dtypes
@pytest.mark.parametrize("case", [c for c in CASES if min(c.out) > 1], ids=str)
@pytest.mark.parametrize("relu", [True, False])
def test_pooling_behind_it_gives_the_bits_of_pooling_after_it(
    case: Case, dtype: type, relu: bool
) -> None:
    x, weight, bias, dy = case.arrays(dtype)
    y = np.empty_like(dy)
    engine.conv2d_tiled_forward(x, weight, bias, y, *case.where)
    shape = (case.n, case.f, case.out[0] // 2, case.out[1] // 2)
    pooled, argmax = np.empty(shape, dtype), np.empty(shape, np.uint8)
    expected, expected_argmax = np.empty(shape, dtype), np.empty(shape, np.uint8)
    post = PostOps(activation="relu" if relu else None, pool=True)
    engine.conv2d_tiled_forward(x, weight, bias, pooled, *case.where, post, argmax)
    reference.max_pool2x2_forward(y, expected, expected_argmax, relu)
    np.testing.assert_array_equal(pooled, expected)
    np.testing.assert_array_equal(argmax, expected_argmax)


@both_dtypes
@every_case
def test_the_weight_gradient_undoes_what_was_fused_while_it_reads(case: Case, dtype: type) -> None:
    """The same bits as when ReLU and pooling are undone before."""
    x, _, _, dy = case.arrays(dtype)
    y = np.random.default_rng(4).standard_normal(dy.shape).astype(dtype)
    behind = [(dy, np.maximum(y, 0), None)]
    if min(case.out) > 1:
        shape = (case.n, case.f, case.out[0] // 2, case.out[1] // 2)
        pooled, argmax = np.empty(shape, dtype), np.empty(shape, np.uint8)
        reference.max_pool2x2_forward(y, pooled, argmax, True)
        halved = np.ascontiguousarray(dy[:, :, : shape[2], : shape[3]])
        behind.append((halved, None, argmax))
    for given, output, argmax in behind:
        kept = Kept("relu", output, argmax)
        plain = undo(given, kept, case.out)
        for kernels in engine, reference:
            weights = (2, case.f, case.c // case.groups, *case.kernel)
            expected, made = np.full(weights, np.nan, dtype)
            expected_bias, bias = np.full((2, case.f), np.nan, dtype)
            kernels.conv2d_tiled_weight_gradient(x, plain, expected, expected_bias, *case.where)
            kernels.conv2d_tiled_weight_gradient(x, given, made, bias, *case.where, kept)
            np.testing.assert_array_equal(made, expected)
            np.testing.assert_array_equal(bias, expected_bias)


def test_relu_and_pooling_are_undone_by_one_of_y_and_argmax() -> None:
    case = Case(2, 3, 8, 8, 4)
    x, weight, _, _ = case.arrays(np.float32)
    dy, argmax = np.zeros((2, 4, 4, 4), np.float32), np.zeros((2, 4, 4, 4), np.uint8)
    for kernels in engine, reference:
        with pytest.raises(ValueError, match="values and argmax are kept, expected one of them"):
            kernels.conv2d_tiled_weight_gradient(
                x, dy, weight, None, *case.where, Kept("relu", dy, argmax)
            )


def test_a_gradient_pooled_to_another_size_is_refused() -> None:
    case = Case(2, 3, 8, 8, 4)
    x, weight, _, _ = case.arrays(np.float32)
    dy, argmax = np.zeros((2, 4, 4, 3), np.float32), np.zeros((2, 4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match=r"outputs are \(2, 4, 4, 3\), expected \(2, 4, 4, 4\)"):
        engine.conv2d_tiled_weight_gradient(x, dy, weight, None, *case.where, Kept(argmax=argmax))


@both_dtypes
def test_same_bits_for_any_number_of_threads(dtype: type) -> None:
    threads = runtime.get_num_threads()
    try:
        for case in [
            Case(5, 16, 32, 32, 24),
            Case(33, 20, 7, 7, 12),
            Case(1, 40, 15, 15, 70),
            Case(19, 3, 16, 16, 16, (7, 7), (2, 2), (3, 3, 3, 3)),
            Case(6, 32, 12, 12, 32, groups=4),
            Case(5, 16, 17, 32, 40, stride=(2, 2)),
            Case(9, 16, 16, 16, 18, stride=(2, 2)),
            Case(3, 7, 6, 1301, 10, (2, 1), (3, 2), (1, 0, 0, 2)),
            Case(2, 16, 5, 700, 4, padding=(300, 300, 300, 300), dilation=(300, 300)),
        ]:
            runtime.set_num_threads(1)
            one = outputs(case, case.arrays(dtype), engine)
            for count in (2, 3, 4):
                runtime.set_num_threads(count)
                for name, array in outputs(case, case.arrays(dtype), engine).items():
                    assert array.tobytes() == one[name].tobytes(), (case, name, count)
    finally:
        runtime.set_num_threads(threads)


@contextmanager
def no_more_memory_than(size: int) -> Iterator[None]:
    """The system gives this process at most so many bytes more; on Linux only."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        yield
        return
    import resource

    used = int(statm.read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_memory_does_not_grow_with_the_distance_of_the_taps() -> None:
    """This once took 60 GB to work in."""
    far = 60_000
    case = Case(1, 16, 16, 16, 4, padding=(far, far, far, far), dilation=(far, far))
    with no_more_memory_than(2**30):
        made = outputs(case, case.arrays(np.float32), engine)
    middle = Case(1, 16, 16, 16, 4, (1, 1), padding=(0, 0, 0, 0))
    x, weight, bias, dy = case.arrays(np.float32)
    only = np.ascontiguousarray(weight[:, :, 1:2, 1:2])
    expected = outputs(middle, (x, only, bias, dy), engine)
    np.testing.assert_allclose(made["y"], expected["y"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(made["dx"], expected["dx"], rtol=1e-5, atol=1e-5)
    expected["dweight"] = np.pad(expected["dweight"], ((0, 0), (0, 0), (1, 1), (1, 1)))
    np.testing.assert_allclose(made["dweight"], expected["dweight"], rtol=1e-5, atol=1e-4)


def test_a_nan_stays_where_its_window_is() -> None:
    case = Case(2, 16, 8, 8, 16)
    x, weight, bias, dy = case.arrays(np.float32)
    x[1, 3, 4, 4] = np.nan
    y = np.empty_like(dy)
    engine.conv2d_tiled_forward(x, weight, bias, y, *case.where, RELU)
    inside = np.zeros(y.shape, bool)
    inside[1, :, 3:6, 3:6] = True
    np.testing.assert_array_equal(np.isnan(y), inside)


@pytest.fixture
def pool() -> Iterator[None]:
    """Memory is kept for the next one who asks, whatever CNNLITE_POOL_LIMIT is."""
    limit = memory.stats()["limit"]
    memory.set_limit(2 << 30)
    yield
    memory.set_limit(limit)


@pytest.mark.usefixtures("pool")
@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
def test_what_the_working_memory_held_before_is_not_read(stride: tuple[int, int]) -> None:
    """Neither in the pool's memory nor in what each thread keeps, which another kernel wrote."""
    case, before = Case(3, 5, 7, 7, 9, stride=stride), Case(4, 30, 16, 16, 20, stride=stride)
    arrays = case.arrays(np.float32)
    expected = outputs(case, arrays, engine)
    memory.trim()
    outputs(before, [np.full_like(array, np.nan) for array in before.arrays(np.float32)], engine)
    waiting = memory.empty(2**22, np.float32)
    waiting[:] = np.nan
    del waiting
    outputs(before, [np.full_like(array, np.nan) for array in before.arrays(np.float32)], engine)
    for name, array in outputs(case, arrays, engine).items():
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.usefixtures("pool")
def test_the_working_memory_is_given_back() -> None:
    """That of the call at once; each thread keeps its own for the next kernel, until a trim."""
    case = Case(4, 30, 16, 16, 20)
    arrays = case.arrays(np.float32)
    memory.trim()
    before = memory.stats()["in_use"]
    outputs(case, arrays, engine)
    kept, blocks = memory.stats()["in_use"], memory.stats()["allocations"]
    assert before < kept < before + runtime.get_num_threads() * 2**20
    outputs(case, arrays, engine)
    assert memory.stats()["in_use"] == kept
    assert memory.stats()["allocations"] == blocks
    memory.trim()
    assert memory.stats()["in_use"] == before


def test_large_working_memory_is_not_kept() -> None:
    x, weight = np.ones((128, 512, 8, 8), np.float32), np.zeros((640, 512, 3, 3), np.float32)
    y = np.empty((128, 640, 8, 8), np.float32)
    memory.trim()
    before = memory.stats()["in_use"]
    engine.conv2d_winograd_forward(x, weight, None, y, (1, 1, 1, 1), 1, 4)
    assert not y.any()
    assert memory.stats()["in_use"] == before


@pytest.mark.parametrize("n", [0, 2])
def test_nothing_in_gives_nothing_or_zeros(n: int) -> None:
    x, y = np.empty((n, 3, 5, 5), np.float32), np.empty((n, 0 if n else 4, 5, 5), np.float32)
    weight = np.ones((y.shape[1], 3, 3, 3), np.float32)
    dweight, dx = np.full_like(weight, np.nan), np.full_like(x, np.nan)
    where = ((1, 1), (1, 1, 1, 1), (1, 1), 1)
    engine.conv2d_tiled_forward(x, weight, None, y, *where)
    engine.conv2d_tiled_weight_gradient(x, y, dweight, None, *where)
    engine.conv2d_tiled_input_gradient(y, weight, dx, *where)
    assert not dweight.any()
    assert not dx.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": (2, 4, 5, 6)}, r"outputs are \(2, 4, 5, 6\), expected \(2, 4, 5, 5\)"),
        ({"y": (1, 4, 5, 5)}, "outputs are"),
        ({"weight": (4, 2, 3, 3)}, "do not belong together"),
        ({"groups": 2}, "do not belong together"),
        ({"groups": 0}, "do not belong together"),
        ({"stride": (0, 1)}, "stride 0"),
        ({"dilation": (1, 0)}, "dilation 0"),
        ({"padding": (-1, 3, 1, 1)}, r"padding \(-1"),
        ({"weight": (4, 3, 9, 3)}, "the kernel 9 with dilation 1 is larger than the size 5"),
        ({"bias": (3,)}, "bias has 3 elements"),
        ({"x": (2, 3, 5)}, "x has 3 axes"),
    ],
)
def test_shapes_that_do_not_belong_together(change: dict[str, tuple], message: str) -> None:
    shapes = {"x": (2, 3, 5, 5), "weight": (4, 3, 3, 3), "bias": (4,), "y": (2, 4, 5, 5)}
    where = {"stride": (1, 1), "padding": (1, 1, 1, 1), "dilation": (1, 1), "groups": 1}
    arrays = [np.zeros(change.get(name, shape), np.float32) for name, shape in shapes.items()]
    arguments = [change.get(name, value) for name, value in where.items()]
    with pytest.raises(ValueError, match=message):
        engine.conv2d_tiled_forward(*arrays, *arguments)


def test_arrays_of_the_wrong_kind() -> None:
    case = Case(2, 3, 5, 5, 4)
    x, weight, bias, y = case.arrays(np.float32)
    with pytest.raises(TypeError, match="weight has another dtype"):
        engine.conv2d_tiled_forward(x, weight.astype(np.float64), bias, y, *case.where)
    with pytest.raises(TypeError, match="float32 or float64"):
        engine.conv2d_tiled_forward(x.astype(np.int32), weight, bias, y, *case.where)
    with pytest.raises(ValueError, match="contiguous"):
        engine.conv2d_tiled_forward(x.transpose(0, 1, 3, 2), weight, bias, y, *case.where)


@pytest.mark.parametrize("name", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(name: str) -> None:
    run_again(__file__, name)


def test_an_unknown_instruction_set_is_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import cnnlite._ext.engine"],
        env={**os.environ, "CNNLITE_ISA": "avx9000"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "CNNLITE_ISA is 'avx9000'" in done.stderr
