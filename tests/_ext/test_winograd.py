"""Winograd's convolution against the definition, in float64, on shapes that tiles do not divide."""

from typing import NamedTuple

import numpy as np
import pytest

from cnnlite._ext import engine, runtime
from cnnlite.post_ops import RELU, Kept, PostOps
from cnnlite.reference import conv, winograd
from tests._ext.instruction_sets import run_again

NO_PADDING = (0, 0, 0, 0)
SAME = (1, 1, 1, 1)


class Case(NamedTuple):
    n: int
    c: int
    h: int
    w: int
    f: int
    padding: tuple[int, int, int, int] = SAME
    groups: int = 1
    kernel: tuple[int, int] = (3, 3)

    @property
    def x_shape(self) -> tuple[int, ...]:
        return self.n, self.c, self.h, self.w

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return self.f, self.c // self.groups, *self.kernel

    @property
    def y_shape(self) -> tuple[int, ...]:
        top, bottom, left, right = self.padding
        kh, kw = self.kernel
        return self.n, self.f, self.h + top + bottom - kh + 1, self.w + left + right - kw + 1

    @property
    def pooled_shape(self) -> tuple[int, ...]:
        n, f, oh, ow = self.y_shape
        return n, f, oh // 2, ow // 2


CASES = [
    Case(2, 16, 8, 8, 16),
    Case(3, 5, 7, 9, 11),  # nothing divides anything
    Case(1, 1, 3, 3, 1, NO_PADDING),  # one output
    Case(1, 2, 1, 1, 3),  # smaller than the kernel
    Case(2, 3, 2, 5, 4, (0, 2, 2, 0)),
    Case(2, 17, 6, 6, 33),  # one channel more than lanes
    Case(9, 4, 4, 4, 8),  # blocks of several images, the last one not full
    Case(1, 3, 33, 31, 7, (1, 0, 0, 1)),
    Case(1, 2, 5, 300, 3),  # a row of tiles cut in several blocks
    Case(1, 2, 150, 6, 2, (2, 2, 2, 2)),
    Case(2, 3, 6, 7, 5, (4, 3, 5, 6)),  # padding that the input gradient has to cut off
    Case(2, 12, 10, 10, 8, SAME, 4),
    Case(3, 6, 5, 5, 6, SAME, 6),  # depthwise
    Case(2, 40, 9, 8, 48, SAME, 2),
    Case(5, 33, 16, 16, 20),
    Case(1, 8, 2, 2, 8, (1, 1, 1, 0)),
]
FEW_TILES = [  # and many weights: the filters are cut, not the tiles
    Case(1, 97, 7, 5, 96),
    Case(2, 128, 4, 5, 97, (1, 0, 2, 1)),
    Case(1, 129, 3, 8, 130, SAME),
    Case(3, 128, 4, 4, 194, SAME, 2),
    Case(1, 520, 3, 3, 96),  # a sum cut in blocks
]
CASES += FEW_TILES
LARGE = [  # F(4x4, 4x4), in parts
    Case(2, 3, 13, 14, 32, (3, 3, 3, 3), 1, (7, 7)),
    Case(3, 3, 16, 16, 17, NO_PADDING, 1, (7, 7)),  # one filter more than lanes
    Case(1, 1, 4, 8, 1, NO_PADDING, 1, (4, 8)),  # one output
    Case(2, 4, 13, 40, 6, (2, 1, 0, 3), 2, (5, 6)),
    Case(5, 2, 6, 7, 5, (9, 8, 10, 9), 1, (4, 8)),  # padding that the input gradient cuts off
    Case(1, 140, 5, 6, 3, (3, 3, 2, 2), 1, (7, 5)),  # sums so long that blocks are added in double
    Case(
        40, 2, 5, 5, 3, (1, 2, 1, 2), 1, (4, 4)
    ),  # blocks of several images, the last one not full
    Case(1, 2, 6, 300, 3, (4, 3, 4, 3), 1, (8, 8)),  # a row of tiles cut in several blocks
    Case(1, 1, 90, 6, 2, (2, 2, 2, 2), 1, (6, 6)),
]
TOLERANCE = {np.float32: 2e-5, np.float64: 2e-13}

every_case = pytest.mark.parametrize(
    ("case", "tile"),
    [(case, tile) for case in CASES for tile in (4, 2)] + [(case, 4) for case in LARGE],
    ids=str,
)
both_tiles = pytest.mark.parametrize("tile", [4, 2])
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def arrays(rng: np.random.Generator, case: Case, dtype: type) -> list[np.ndarray]:
    """x, weight, bias, dy."""
    shapes = case.x_shape, case.weight_shape, (case.f,), case.y_shape
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def filled(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An output full of something that must be overwritten."""
    return np.full(shape, np.nan, dtype)


def assert_close(got: np.ndarray, expected: np.ndarray, tolerance: float | None = None) -> None:
    assert got.shape == expected.shape
    scale = np.abs(expected).max(initial=1e-30)
    assert np.abs(got - expected).max(initial=0) <= (tolerance or TOLERANCE[got.dtype.type]) * scale


def expected_forward(case: Case, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    y = np.empty(case.y_shape)
    conv.conv2d_forward(
        x.astype(np.float64),
        weight.astype(np.float64),
        y,
        (1, 1),
        case.padding,
        (1, 1),
        case.groups,
    )
    return y + bias.astype(np.float64)[:, None, None]


@every_case
@both_dtypes
def test_forward(rng, case, tile, dtype):
    x, weight, bias, _ = arrays(rng, case, dtype)
    expected = expected_forward(case, x, weight, bias)
    y = filled(case.y_shape, dtype)
    engine.conv2d_winograd_forward(x, weight, bias, y, case.padding, case.groups, tile)
    assert_close(y, expected)
    engine.conv2d_winograd_forward(x, weight, bias, y, case.padding, case.groups, tile, RELU)
    assert_close(y, np.maximum(expected, 0))
    engine.conv2d_winograd_forward(x, weight, None, y, case.padding, case.groups, tile)
    assert_close(y, expected - bias.astype(np.float64)[:, None, None])


@every_case
@both_dtypes
def test_input_gradient(rng, case, tile, dtype):
    _, weight, _, dy = arrays(rng, case, dtype)
    expected = np.empty(case.x_shape)
    conv.conv2d_input_gradient(
        dy.astype(float), weight.astype(float), expected, (1, 1), case.padding, (1, 1), case.groups
    )
    dx = filled(case.x_shape, dtype)
    engine.conv2d_winograd_input_gradient(dy, weight, dx, case.padding, case.groups, tile)
    assert_close(dx, expected)


@every_case
@both_dtypes
def test_weight_gradient(rng, case, tile, dtype):
    x, _, _, dy = arrays(rng, case, dtype)
    expected = np.empty(case.weight_shape)
    conv.conv2d_weight_gradient(
        x.astype(float), dy.astype(float), expected, (1, 1), case.padding, (1, 1), case.groups
    )
    dweight, dbias = filled(case.weight_shape, dtype), filled((case.f,), dtype)
    engine.conv2d_winograd_weight_gradient(x, dy, dweight, dbias, case.padding, case.groups, tile)
    assert_close(dweight, expected)
    assert_close(dbias, dy.astype(float).sum(axis=(0, 2, 3)))
    again = filled(case.weight_shape, dtype)
    engine.conv2d_winograd_weight_gradient(x, dy, again, None, case.padding, case.groups, tile)
    assert again.tobytes() == dweight.tobytes()


@every_case
def test_the_numpy_twin_is_the_same_convolution(rng, case, tile):
    x, weight, bias, dy = arrays(rng, case, np.float64)
    y, dx, dweight = (np.empty_like(a) for a in (dy, x, weight))
    winograd.conv2d_winograd_forward(x, weight, bias, y, case.padding, case.groups, tile)
    assert_close(y, expected_forward(case, x, weight, bias))
    expected = np.empty_like(x)
    geometry = (1, 1), case.padding, (1, 1), case.groups
    conv.conv2d_input_gradient(dy, weight, expected, *geometry)
    winograd.conv2d_winograd_input_gradient(dy, weight, dx, case.padding, case.groups, tile)
    assert_close(dx, expected)
    expected, dbias = np.empty_like(weight), np.empty_like(bias)
    conv.conv2d_weight_gradient(x, dy, expected, *geometry)
    winograd.conv2d_winograd_weight_gradient(x, dy, dweight, dbias, case.padding, case.groups, tile)
    assert_close(dweight, expected)
    assert_close(dbias, dy.sum(axis=(0, 2, 3)))


@every_case
@both_dtypes
def test_fused_is_bit_for_bit_what_separate_steps_give(rng, case, tile, dtype):
    x, weight, bias, _ = arrays(rng, case, dtype)
    args = case.padding, case.groups
    y, relu_y = filled(case.y_shape, dtype), filled(case.y_shape, dtype)
    engine.conv2d_winograd_forward(x, weight, bias, y, *args, tile)
    engine.conv2d_winograd_forward(x, weight, bias, relu_y, *args, tile, RELU)
    assert relu_y.tobytes() == np.where(y < 0, 0, y).astype(dtype).tobytes()

    pooled, argmax = filled(case.pooled_shape, dtype), np.full(case.pooled_shape, 9, np.uint8)
    expected, position = np.empty_like(pooled), np.empty_like(argmax)
    for relu in (False, True):
        engine.max_pool2x2_forward(y, expected, position, relu)
        post = PostOps(activation="relu" if relu else None, pool=True)
        engine.conv2d_winograd_forward(x, weight, bias, pooled, *args, tile, post, argmax)
        assert pooled.tobytes() == expected.tobytes()
        assert argmax.tobytes() == position.tobytes()

    dpooled = rng.standard_normal(case.pooled_shape).astype(dtype)
    dfull = rng.standard_normal(case.y_shape).astype(dtype)
    unpooled = np.empty_like(y)
    for dy, mask, found in [(dfull, relu_y, None), (dpooled, None, argmax)]:
        if found is None:
            plain = np.where(mask == 0, 0, dy).astype(dtype)
        else:
            engine.max_pool2x2_backward(dy, found, unpooled)
            plain = unpooled
        check_gradients(case, x, weight, dy, mask, found, plain, tile)


def check_gradients(case, x, weight, dy, mask, found, plain, tile):
    args = case.padding, case.groups, tile
    kept = Kept("relu", mask, found)
    dx, expected = np.empty_like(x), np.empty_like(x)
    engine.conv2d_winograd_input_gradient(plain, weight, expected, *args)
    engine.conv2d_winograd_input_gradient(dy, weight, dx, *args, kept)
    assert dx.tobytes() == expected.tobytes()
    dweight, expected = np.empty_like(weight), np.empty_like(weight)
    dbias, bias = np.empty(case.f, x.dtype), np.empty(case.f, x.dtype)
    engine.conv2d_winograd_weight_gradient(x, plain, expected, bias, *args)
    engine.conv2d_winograd_weight_gradient(x, dy, dweight, dbias, *args, kept)
    assert dweight.tobytes() == expected.tobytes()
    assert dbias.tobytes() == bias.tobytes()


@both_tiles
@pytest.mark.parametrize("relu", [False, True])
def test_pooling_and_its_gradients_are_the_twins(rng, tile, relu):
    case = CASES[1]
    x, weight, bias, _ = arrays(rng, case, np.float64)
    args = case.padding, case.groups
    ours, twins = [], []
    for module, results in ((engine, ours), (winograd, twins)):
        y, argmax = np.empty(case.pooled_shape), np.empty(case.pooled_shape, np.uint8)
        post = PostOps(activation="relu" if relu else None, pool=True)
        module.conv2d_winograd_forward(x, weight, bias, y, *args, tile, post, argmax)
        dy = np.cos(np.arange(y.size)).reshape(y.shape)
        dx, dweight, dbias = np.empty_like(x), np.empty_like(weight), np.empty_like(bias)
        module.conv2d_winograd_input_gradient(dy, weight, dx, *args, tile, Kept(argmax=argmax))
        module.conv2d_winograd_weight_gradient(
            x, dy, dweight, dbias, *args, tile, Kept(argmax=argmax)
        )
        results += [y, argmax.astype(float), dx, dweight, dbias]
    for our, twin in zip(ours, twins, strict=True):
        assert_close(our, twin)


@pytest.mark.parametrize(
    ("case", "tile"),
    [
        (Case(21, 40, 14, 14, 24), 4),
        (Case(21, 40, 14, 14, 24), 2),
        *((case, tile) for case in FEW_TILES for tile in (2, 4)),
        (Case(21, 5, 14, 14, 24, (3, 3, 3, 3), 1, (7, 7)), 4),
    ],
)
def test_the_number_of_threads_changes_no_bit(rng, case, tile):
    x, weight, bias, dy = arrays(rng, case, np.float32)
    before, seen = runtime.get_num_threads(), set()
    try:
        for threads in (1, 2, 3, 4):
            runtime.set_num_threads(threads)
            y, dx, dweight, dbias = (np.empty_like(a) for a in (dy, x, weight, bias))
            args = case.padding, case.groups
            engine.conv2d_winograd_forward(x, weight, bias, y, *args, tile, RELU)
            engine.conv2d_winograd_input_gradient(dy, weight, dx, *args, tile)
            engine.conv2d_winograd_weight_gradient(x, dy, dweight, dbias, *args, tile)
            seen.add(b"".join(a.tobytes() for a in (y, dx, dweight, dbias)))
    finally:
        runtime.set_num_threads(before)
    assert len(seen) == 1


@pytest.mark.parametrize(
    "case", [Case(13, 20, 8, 8, 20), Case(13, 3, 8, 8, 20, (3, 3, 3, 3), 1, (7, 7))], ids=str
)
def test_an_image_gets_the_same_bits_wherever_it_stands_in_the_batch(rng, case):
    x, weight, bias, _ = arrays(rng, case, np.float32)
    x[:] = x[0]
    y = np.empty(case.y_shape, np.float32)
    engine.conv2d_winograd_forward(x, weight, bias, y, case.padding, 1, 4)
    assert len({image.tobytes() for image in y}) == 1


ACCURATE = [Case(4, 32, 32, 32, 32), Case(8, 64, 16, 16, 64), Case(8, 256, 8, 8, 256)]
ACCURATE_LARGE = [
    Case(4, 3, 32, 32, 32, (3, 3, 3, 3), 1, (7, 7)),
    Case(2, 64, 16, 16, 64, (2, 2, 2, 2), 1, (5, 5)),
]


@pytest.mark.parametrize(
    ("case", "tile"),
    [(case, tile) for case in ACCURATE for tile in (4, 2)] + [(case, 4) for case in ACCURATE_LARGE],
    ids=str,
)
@pytest.mark.parametrize("relu", [False, True], ids=["normal", "after relu"])
def test_float32_error_stays_under_two_in_a_hundred_thousand(rng, case, tile, relu):
    x, weight, bias, dy = arrays(rng, case, np.float32)
    bias[:] = 0
    if relu:
        x, dy = np.maximum(x, 0), dy * (rng.random(dy.shape) < 0.5).astype(np.float32)
    args = case.padding, case.groups
    y, dx, dweight = (np.empty_like(a) for a in (dy, x, weight))
    engine.conv2d_winograd_forward(x, weight, None, y, *args, tile)
    engine.conv2d_winograd_input_gradient(dy, weight, dx, *args, tile)
    engine.conv2d_winograd_weight_gradient(x, dy, dweight, None, *args, tile)
    x, weight, dy = (a.astype(np.float64) for a in (x, weight, dy))
    y64, dx64, dweight64 = (np.empty_like(a) for a in (dy, x, weight))
    engine.conv2d_winograd_forward(x, weight, None, y64, *args, tile)
    engine.conv2d_winograd_input_gradient(dy, weight, dx64, *args, tile)
    engine.conv2d_winograd_weight_gradient(x, dy, dweight64, None, *args, tile)
    for got, expected in ((y, y64), (dx, dx64), (dweight, dweight64)):
        assert_close(got, expected, 1e-5)


@pytest.mark.parametrize(
    ("case", "most"),
    [(ACCURATE_LARGE[0], 1.5e-6), (ACCURATE_LARGE[1], 3e-6), (Case(4, 16, 32, 32, 16), 8e-7)],
    ids=str,
)
def test_the_mean_float32_error_is_the_one_that_is_promised(rng, case, most):
    x, weight, _, dy = arrays(rng, case, np.float32)
    args = case.padding, case.groups, 4
    y, exact = np.empty_like(dy), np.empty(dy.shape)
    engine.conv2d_winograd_forward(x, weight, None, y, *args)
    engine.conv2d_winograd_forward(x.astype(float), weight.astype(float), None, exact, *args)
    assert np.abs(y - exact).mean() < most * np.abs(exact).mean()


@pytest.mark.parametrize("shape", [(0, 4, 8, 8), (2, 4, 8, 8)])
def test_a_batch_of_no_image(shape):
    x, weight = np.ones(shape, np.float32), np.ones((3, 4, 3, 3), np.float32)
    y = np.empty((shape[0], 3, 8, 8), np.float32)
    engine.conv2d_winograd_forward(x, weight, None, y, SAME, 1, 4)
    dx, dweight, dbias = np.empty_like(x), np.ones_like(weight), np.ones(3, np.float32)
    engine.conv2d_winograd_input_gradient(y, weight, dx, SAME, 1, 4)
    engine.conv2d_winograd_weight_gradient(x, np.ones_like(y), dweight, dbias, SAME, 1, 4)
    assert dweight[:, :, 1, 1] == pytest.approx(shape[0] * 64)
    assert (dbias == shape[0] * 64).all()


def test_wrong_arguments_are_refused_before_anything_runs():
    x, weight = np.zeros((2, 4, 8, 8), np.float32), np.zeros((3, 4, 3, 3), np.float32)
    y = np.zeros((2, 3, 8, 8), np.float32)

    def forward(x=x, weight=weight, bias=None, y=y, padding=SAME, groups=1, tile=4):
        engine.conv2d_winograd_forward(x, weight, bias, y, padding, groups, tile)

    forward()
    for wrong in [
        {"tile": 6},
        {"weight": np.zeros((3, 4, 3, 5), np.float32)},
        {"weight": np.zeros((3, 4, 9, 9), np.float32)},
        {"weight": np.zeros((3, 4, 5, 5), np.float32), "padding": (2, 2, 2, 2), "tile": 2},
        {"weight": np.zeros((3, 5, 3, 3), np.float32)},
        {"groups": 2},
        {"padding": (1, 1, 1, 0)},
        {"padding": (-1, 3, 1, 1)},
        {"bias": np.zeros(4, np.float32)},
        {"y": np.zeros((2, 3, 8, 7), np.float32)},
        {"y": np.zeros((1, 3, 8, 8), np.float32)},
        {"x": x.transpose(0, 1, 3, 2)},
    ]:
        with pytest.raises(ValueError, match=r"conv2d_winograd_forward|contiguous"):
            forward(**wrong)
    with pytest.raises(TypeError, match="dtype"):
        forward(weight=weight.astype(np.float64))
    argmax = np.zeros((2, 3, 4, 4), np.uint8)
    for pooled, found in [(y, argmax), (np.zeros((2, 3, 4, 4), np.float32), argmax[:1])]:
        with pytest.raises(ValueError, match="conv2d_winograd_forward"):
            engine.conv2d_winograd_forward(
                x, weight, None, pooled, SAME, 1, 4, PostOps(pool=True), found
            )


@pytest.mark.parametrize("name", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(name):
    run_again(__file__, name)


@pytest.mark.parametrize("tile", [2, 4])
def test_no_channels_at_all(tile: int) -> None:
    x, weight = np.empty((1, 0, 4, 4)), np.empty((0, 0, 3, 3))
    y, dbias = np.empty((1, 0, 2, 2)), np.empty(0)
    engine.conv2d_winograd_forward(x, weight, None, y, NO_PADDING, 1, tile)
    engine.conv2d_winograd_input_gradient(y, weight, x, NO_PADDING, 1, tile)
    engine.conv2d_winograd_weight_gradient(x, y, weight, dbias, NO_PADDING, 1, tile)
