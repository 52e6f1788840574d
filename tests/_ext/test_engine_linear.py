"""The products of linear layers against NumPy's in float64, on sizes that nothing divides."""

import random
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

from cnnlite import reference
from cnnlite._ext import engine, runtime
from cnnlite.post_ops import RELU

TOLERANCE = {np.float32: 5e-6, np.float64: 1e-14}
Sizes = tuple[int, int, int]


def some_sizes(count: int) -> list[Sizes]:
    pick = random.Random(count)
    return [
        (
            pick.choice([1, 2, 3, 4, 5, 7, 8, 9, 33, 128, 130]),
            pick.choice([1, 2, 3, 8, 15, 16, 17, 63, 100, 513]),
            pick.choice([1, 2, 8, 10, 15, 16, 17, 33, 48, 49, 100]),
        )
        for _ in range(count)
    ]


SIZES = [(128, 8192, 100), (1, 2048, 10), (128, 2048, 10), (300, 100, 10), *some_sizes(60)]
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def outputs(sizes: Sizes, dtype: type, kernels: ModuleType) -> list[np.ndarray]:
    n, inputs, out = sizes
    rng = np.random.default_rng(5)
    given = [
        rng.standard_normal(s).astype(dtype) for s in ((n, inputs), (out, inputs), (out,), (n, out))
    ]
    if kernels is reference:
        given = [a.astype(np.float64) for a in given]
    x, weight, bias, dy = given
    y, plain, dx, dweight, dbias = (np.full_like(a, np.nan) for a in (dy, dy, x, weight, bias))
    kernels.linear_forward(x, weight, bias, y, RELU)
    kernels.linear_forward(x, weight, None, plain)
    kernels.linear_input_gradient(dy, weight, dx)
    kernels.linear_weight_gradient(x, dy, dweight, dbias)
    return [y, plain, dx, dweight, dbias]


@both_dtypes
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_equals_the_definition(sizes: Sizes, dtype: type) -> None:
    for made, expected in zip(
        outputs(sizes, dtype, engine), outputs(sizes, dtype, reference), strict=True
    ):
        scale = max(1.0, float(np.abs(expected).max()))
        assert np.abs(made - expected).max() < TOLERANCE[dtype] * scale


@both_dtypes
def test_same_bits_for_any_number_of_threads(dtype: type) -> None:
    threads = runtime.get_num_threads()
    try:
        for sizes in [(128, 8192, 100), (3, 4000, 50), (300, 700, 130)]:
            runtime.set_num_threads(1)
            one = [a.tobytes() for a in outputs(sizes, dtype, engine)]
            for count in (2, 3, 4):
                runtime.set_num_threads(count)
                assert [a.tobytes() for a in outputs(sizes, dtype, engine)] == one
    finally:
        runtime.set_num_threads(threads)


@pytest.mark.parametrize("sizes", [(0, 5, 3), (5, 0, 3), (5, 3, 0)])
def test_nothing_in_gives_nothing_or_zeros(sizes: Sizes) -> None:
    n, inputs, out = sizes
    x, weight = np.ones((n, inputs), np.float32), np.ones((out, inputs), np.float32)
    bias, y = np.full(out, 2, np.float32), np.full((n, out), np.nan, np.float32)
    dx, dweight, dbias = np.full_like(x, np.nan), np.full_like(weight, np.nan), np.empty_like(bias)
    engine.linear_forward(x, weight, bias, y)
    assert (y == 2).all()
    engine.linear_input_gradient(y, weight, dx)
    engine.linear_weight_gradient(x, y, dweight, dbias)
    assert not dx.any()
    assert not dweight.any()
    assert (dbias == 2 * n).all()


def test_shapes_that_do_not_belong_together() -> None:
    x, weight = np.ones((2, 5), np.float32), np.ones((3, 5), np.float32)
    with pytest.raises(ValueError, match="do not belong together"):
        engine.linear_forward(x, weight, None, np.empty((2, 4), np.float32))
    with pytest.raises(ValueError, match="do not belong together"):
        engine.linear_input_gradient(np.empty((1, 3), np.float32), weight, x)
    with pytest.raises(ValueError, match="bias has 4 elements"):
        engine.linear_forward(
            x, weight, np.ones(4, np.float32), np.empty((2, 3), np.float32), False
        )
    with pytest.raises(TypeError, match="another dtype"):
        engine.linear_weight_gradient(x, np.ones((2, 3)), weight, None)


def test_a_call_that_needs_no_scratch_may_be_the_first() -> None:
    """With CNNLITE_DEBUG=1, which checks bounds, it took the address of nothing's first byte."""
    code = """
import numpy as np
from cnnlite._ext import engine
y = np.empty((1, 3), np.float32)
engine.linear_forward(np.ones((1, 5), np.float32), np.ones((3, 5), np.float32), None, y)
assert (y == 5).all()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
