"""What is not finite goes where the definition says, not over Winograd's tiles."""

from typing import Any

import numpy as np
import pytest

from cnnlite._ext import engine, runtime
from cnnlite.post_ops import NO_POST_OPS, RELU, Kept, PostOps
from cnnlite.reference import conv, winograd
from tests._ext.instruction_sets import run_again

SPECIAL = (np.inf, -np.inf, np.nan)
STEPS = (1, 1)
# c, h, w, f, padding (top, bottom, left, right), groups; and the kernel, unless it is 3 x 3
SHAPES = [
    (3, 12, 12, 5, (1, 1, 1, 1), 1),
    (20, 7, 9, 18, (0, 2, 1, 0), 1),  # more channels than lanes; nothing divides anything
    (4, 6, 7, 6, (4, 3, 0, 5), 2),  # outputs over padding alone; dx cuts dy off
    (2, 3, 3, 1, (0, 0, 0, 0), 1),  # one output
    (17, 16, 16, 17, (1, 1, 1, 1), 1),
    (96, 4, 5, 97, (1, 1, 1, 1), 1),  # the filters are cut, not the tiles
    (192, 4, 3, 194, (1, 1, 1, 1), 2),  # those of each group
]
LARGE = [
    (3, 10, 9, 18, (3, 3, 3, 3), 1, (7, 7)),  # more filters than lanes
    (4, 6, 7, 6, (6, 3, 0, 5), 2, (4, 5)),  # outputs over padding alone; dx cuts dy off
]
both_tiles = pytest.mark.parametrize("tile", [4, 2])
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
every_shape = pytest.mark.parametrize(
    ("shape", "tile"),
    [(shape, tile) for shape in SHAPES for tile in (4, 2)] + [(shape, 4) for shape in LARGE],
    ids=str,
)
Arrays = dict[str, np.ndarray]


def kinds(x: np.ndarray) -> np.ndarray:
    """0 where a number is finite, else which of the special ones it is."""
    return np.select([np.isnan(x), x == np.inf, x == -np.inf], [3, 1, 2], 0)


def arrays(rng: np.random.Generator, shape: tuple[Any, ...], dtype: type) -> Arrays:
    c, h, w, f, (top, bottom, left, right), groups, (kh, kw) = (*shape, (3, 3))[:7]
    sizes = {
        "x": (2, c, h, w),
        "weight": (f, c // groups, kh, kw),
        "bias": (f,),
        "dy": (2, f, h + top + bottom - kh + 1, w + left + right - kw + 1),
    }
    return {name: rng.standard_normal(size).astype(dtype) for name, size in sizes.items()}


def compiled(a: Arrays, shape: tuple[Any, ...], tile: int) -> list[np.ndarray]:
    """y, dx, dweight."""
    padding, groups = shape[4:6]
    y, dx, dweight = (np.empty_like(a[name]) for name in ("dy", "x", "weight"))
    engine.conv2d_winograd_forward(a["x"], a["weight"], a["bias"], y, padding, groups, tile)
    engine.conv2d_winograd_input_gradient(a["dy"], a["weight"], dx, padding, groups, tile)
    engine.conv2d_winograd_weight_gradient(a["x"], a["dy"], dweight, None, padding, groups, tile)
    return [y, dx, dweight]


def defined(a: Arrays, shape: tuple[Any, ...]) -> list[np.ndarray]:
    """The same by the definition, in float64."""
    where = STEPS, shape[4], STEPS, shape[5]
    a = {name: array.astype(np.float64) for name, array in a.items()}
    y, dx, dweight = (np.empty_like(a[name]) for name in ("dy", "x", "weight"))
    conv.conv2d_forward(a["x"], a["weight"], y, *where)
    conv.conv2d_input_gradient(a["dy"], a["weight"], dx, *where)
    conv.conv2d_weight_gradient(a["x"], a["dy"], dweight, *where)
    with np.errstate(invalid="ignore"):
        return [y + a["bias"][:, None, None], dx, dweight]


def assert_defined(ours: list[np.ndarray], truths: list[np.ndarray], tolerance: float) -> None:
    for got, truth in zip(ours, truths, strict=True):
        np.testing.assert_array_equal(kinds(got), kinds(truth))
        finite = np.isfinite(truth)
        scale = np.abs(truth[finite]).max(initial=1)
        np.testing.assert_allclose(got[finite], truth[finite], tolerance, tolerance * scale)


@both_tiles
@both_dtypes
def test_an_infinite_pixel_spread_over_its_tile(tile, dtype):
    x, weight = np.ones((1, 16, 12, 12), dtype), np.ones((2, 16, 3, 3), dtype)
    x[0, 0, 6, 6] = np.inf
    y, dx = np.empty((1, 2, 12, 12), dtype), np.empty_like(x)
    engine.conv2d_winograd_forward(x, weight, None, y, (1, 1, 1, 1), 1, tile)
    window = np.zeros((12, 12), bool)
    window[5:8, 5:8] = True
    for plane in y[0]:
        np.testing.assert_array_equal(plane == np.inf, window)
    assert np.isfinite(y[0, :, ~window]).all()
    dy = np.ones_like(y)
    dy[0, 1, 6, 6] = -np.inf
    engine.conv2d_winograd_input_gradient(dy, weight, dx, (1, 1, 1, 1), 1, tile)
    for plane in dx[0]:
        np.testing.assert_array_equal(plane == -np.inf, window)
    assert np.isfinite(dx[0, :, ~window]).all()
    dweight = np.empty_like(weight)
    dy[...] = 1
    engine.conv2d_winograd_weight_gradient(x, dy, dweight, None, (1, 1, 1, 1), 1, tile)
    assert (dweight[:, 0] == np.inf).all()
    assert np.isfinite(dweight[:, 1:]).all()


@every_shape
@both_dtypes
@pytest.mark.parametrize("where", ["x", "weight", "bias", "dy"])
def test_infinities_and_nan_are_where_the_definition_has_them(rng, shape, tile, dtype, where):
    for number in range(6):
        a = arrays(rng, shape, dtype)
        if number % 2:  # zeros, which an infinity turns to NaN
            a["x"][a["x"] < 0] = 0
            a["weight"][a["weight"] < 0] = 0
        for _ in range(1 + number // 2):
            a[where].flat[rng.integers(a[where].size)] = SPECIAL[rng.integers(3)]
        tolerance = 1e-4 if dtype == np.float32 else 1e-11
        assert_defined(compiled(a, shape, tile), defined(a, shape), tolerance)


@every_shape
@both_dtypes
@pytest.mark.parametrize("where", ["x", "weight", "dy"])
def test_transforms_of_huge_numbers_overflowed(rng, shape, tile, dtype, where):
    """What the definition has is there if it can be represented, and infinite if it cannot."""
    largest = float(np.finfo(dtype).max)
    a = arrays(rng, shape, dtype)
    for name, array in a.items():
        array *= dtype(1 if name == where else 0.01)
    a["bias"][...] = 0
    for sign in (0.9, -0.9, 0.9):
        a[where].flat[rng.integers(a[where].size)] = sign * largest
    small = {**a, where: a[where].astype(np.float64) * 2.0**-64}
    for got, truth in zip(compiled(a, shape, tile), defined(small, shape), strict=True):
        limit = largest * 2.0**-64
        inside, beyond = np.abs(truth) < 0.999 * limit, np.abs(truth) > 1.001 * limit
        assert np.isfinite(got[inside]).all()
        tolerance = (1e-5 if dtype == np.float32 else 1e-13) * limit
        scaled = got[inside].astype(np.float64) * 2.0**-64
        np.testing.assert_allclose(scaled, truth[inside], 0, tolerance)
        np.testing.assert_array_equal(got[beyond], np.sign(truth[beyond]) * np.inf)


@pytest.mark.parametrize(("kernel", "tile"), [(3, 4), (3, 2), (7, 4)])
@both_dtypes
@pytest.mark.parametrize("relu", [False, True])
def test_relu_and_pooling_of_what_is_not_finite_are_those_of_the_twin(
    rng, kernel, tile, dtype, relu
):
    padding, groups = (kernel // 2,) * 4, 1
    a = arrays(rng, (5, 13, 11, 18, padding, groups, (kernel, kernel)), dtype)
    largest = np.finfo(dtype).max
    for value in (*SPECIAL, largest, -largest):
        a["x"].flat[rng.integers(a["x"].size)] = value
    a["weight"][3, 2, 1, 1] = -np.inf
    results = []
    for module in (engine, winograd):
        y, pooled = np.empty_like(a["dy"]), np.empty((2, 18, 6, 5), dtype)
        argmax = np.empty(pooled.shape, np.uint8)
        given = a["x"], a["weight"], a["bias"]
        module.conv2d_winograd_forward(
            *given, y, padding, groups, tile, RELU if relu else NO_POST_OPS
        )
        post = PostOps(activation="relu" if relu else None, pool=True)
        module.conv2d_winograd_forward(*given, pooled, padding, groups, tile, post, argmax)
        dx, dweight = np.empty_like(a["x"]), np.empty_like(a["weight"])
        dy = np.cos(np.arange(pooled.size, dtype=dtype)).reshape(pooled.shape)
        dy[0, 3, 2, 2] = np.inf
        last = padding, groups, tile, Kept(argmax=argmax)
        module.conv2d_winograd_input_gradient(dy, a["weight"], dx, *last)
        module.conv2d_winograd_weight_gradient(a["x"], dy, dweight, None, *last)
        results.append([y, pooled, dx, dweight])
    for ours, twins in zip(*results, strict=True):
        np.testing.assert_array_equal(kinds(ours), kinds(twins))


@both_tiles
def test_other_tiles_keep_their_bits_and_any_number_of_threads_gives_the_same(rng, tile):
    shape = (33, 14, 14, 24, (1, 1, 1, 1), 1)
    a = arrays(rng, shape, np.float32)
    clean = compiled(a, shape, tile)[0]
    a["x"][1, 4, 5, 5], a["dy"][0, 7, 3, 9] = np.nan, np.inf
    before, seen = runtime.get_num_threads(), set()
    try:
        for threads in (1, 2, 3, 4):
            runtime.set_num_threads(threads)
            results = compiled(a, shape, tile)
            seen.add(b"".join(r.tobytes() for r in results))
    finally:
        runtime.set_num_threads(before)
    assert len(seen) == 1
    np.testing.assert_array_equal(results[0][0], clean[0])
    np.testing.assert_array_equal(results[0][1, :, 8:], clean[1, :, 8:])


def test_a_network_that_is_all_nan_gives_nan(rng):
    shape = (64, 16, 16, 64, (1, 1, 1, 1), 1)
    a = arrays(rng, shape, np.float32)
    for array in a.values():
        array[...] = np.nan
    for result in compiled(a, shape, 4):
        assert np.isnan(result).all()


@pytest.mark.parametrize("name", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(name):
    run_again(__file__, name)
