"""The kernels whose limit is memory, against their twins in NumPy, in every instruction set."""

import numpy as np
import pytest

from cnnlite import _ext, reference
from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, RELU, Kept, PostOps
from cnnlite.reference import pool2x2
from tests._ext.instruction_sets import run_again

SIZES = [(0,), (1,), (7,), (16,), (33, 5), (3, 16_384 + 5)]  # edges of vectors and of pieces
PLANES = [
    (0, 3, 4, 4),
    (2, 3, 4, 4),
    (1, 1, 2, 3),
    (3, 5, 7, 9),
    (2, 4, 33, 35),
    (5, 7, 2, 2),
    (1, 3, 130, 140),
]
DTYPES = [np.float32, np.float64]
PARAMETER = pytest.mark.parametrize


def tolerance(dtype):
    return 3e-6 if dtype == np.float32 else 1e-13


def both(name, *arguments):
    """Call the twin and the kernel on copies; return (expected, got) of every array, in order."""
    results = []
    for backend in (reference, _ext):
        copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        getattr(backend, name)(*copies)
        results.append([a for a in copies if isinstance(a, np.ndarray)])
    return zip(*results, strict=True)


def agree(name, dtype, *arguments):
    for expected, got in both(name, *arguments):
        scale = np.abs(expected[np.isfinite(expected)]).max(initial=1)
        np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance(dtype) * scale)


def special(shape, dtype, rng):
    x = (3 * rng.standard_normal(shape)).astype(dtype)
    x.flat[::5] = 0
    x.flat[1::7] = -0.0
    x.flat[2::11] = np.nan
    return x


@PARAMETER("dtype", DTYPES)
@PARAMETER("shape", SIZES)
def test_relu_gelu_and_sums(shape, dtype, rng):
    x, other, rubbish = (
        special(shape, dtype, rng),
        special(shape, dtype, rng),
        np.full(shape, 7, dtype),
    )
    agree("relu_forward", dtype, x, rubbish)
    agree("relu_backward", dtype, other, x, rubbish)
    agree("gelu_forward", dtype, x, rubbish)
    agree("gelu_backward", dtype, other, x, rubbish)
    for relu in (False, True):
        agree("add", dtype, x, other, rubbish, PostOps(activation="relu" if relu else None))


@PARAMETER("dtype", DTYPES)
@PARAMETER("shape", SIZES)
@PARAMETER("options", [(0.0, 0.0, False), (0.9, 0.0, False), (0.9, 1e-2, True), (0.5, 0.1, False)])
def test_sgd(shape, dtype, options, rng):
    param, grad, velocity = (rng.standard_normal(shape).astype(dtype) for _ in range(3))
    momentum, decay, nesterov = options
    agree(
        "sgd_step",
        dtype,
        param,
        grad,
        velocity if momentum else None,
        0.1,
        momentum,
        decay,
        nesterov,
    )


@PARAMETER("dtype", DTYPES)
@PARAMETER("relu", [False, True])
@PARAMETER("shape", PLANES)
def test_pooling(shape, relu, dtype, rng):
    x = rng.integers(-2, 3, shape).astype(dtype)  # many ties
    x.flat[3::17] = np.nan
    pooled = (*shape[:2], shape[2] // 2, shape[3] // 2)
    y, argmax = np.full(pooled, 7, dtype), np.full(pooled, 7, np.uint8)
    for expected, got in both("max_pool2x2_forward", x, y, argmax, relu):
        np.testing.assert_array_equal(got, expected)
    reference.max_pool2x2_forward(x, y, argmax, relu)
    dy = rng.standard_normal(pooled).astype(dtype)
    dx = np.full(shape, 7, dtype)
    for expected, got in both("max_pool2x2_backward", dy, argmax, dx):
        np.testing.assert_array_equal(got, expected)
    assert np.count_nonzero(argmax == pool2x2.STOPPED) == np.count_nonzero(relu & (y == 0))


@PARAMETER("dtype", DTYPES)
@PARAMETER("relu", [False, True])
@PARAMETER("train", [False, True])
@PARAMETER(
    "shape",
    [
        (2, 3, 4),
        (1, 1, 1),
        (6, 5, 1),
        (3, 4, 31),
        (2, 3, 1024),
        (7, 40, 65),
        (35, 6, 9),
        (17, 2, 600),
    ],
)
def test_batch_norm(shape, train, relu, dtype, rng):
    x = (100 + 3 * rng.standard_normal(shape)).astype(dtype)  # a large mean costs no digits
    gamma, beta, mean = (rng.standard_normal(shape[1]).astype(dtype) for _ in range(3))
    inverse_std = (0.5 + rng.random(shape[1])).astype(dtype)
    variance, y = np.zeros(shape[1], dtype), np.zeros_like(x)
    if shape[0] * shape[2] == 1:
        train = False
    mean += 100
    exact = [a.astype(np.float64) for a in (x, y, gamma, beta, mean, inverse_std, variance)]
    reference.batch_norm_forward(*exact, 1e-5, train)
    _ext.batch_norm_forward(x, y, gamma, beta, mean, inverse_std, variance, 1e-5, train)
    rounding = np.finfo(dtype).eps * 100 * 4  # of x itself, whose last digit is that large
    np.testing.assert_allclose(y, exact[1], rtol=0, atol=rounding * np.abs(gamma).max() + 1e-14)
    np.testing.assert_allclose(mean, exact[4], rtol=2 * np.finfo(dtype).eps)

    # On the kernel's own statistics, so that rounding moves no element across ReLU's threshold.
    relu_y, post = np.empty_like(x), RELU if relu else NO_POST_OPS
    _ext.batch_norm_forward(x, relu_y, gamma, beta, mean, inverse_std, variance, 1e-5, train, post)
    np.testing.assert_array_equal(relu_y, np.where(y <= 0, 0, y) if relu else y)
    dy = rng.standard_normal(shape).astype(dtype)
    dy[np.abs(y) < 1e-3] = 0
    dx, dgamma, dbeta = np.zeros_like(x), np.zeros(shape[1], dtype), np.zeros(shape[1], dtype)
    forward = (x, dx, gamma, beta, mean, inverse_std, dgamma, dbeta)
    agree("batch_norm_backward", dtype, dy, *forward, train, Kept(post.activation))

    # The end of a residual block: the bits of an addition, and of the ReLU behind it.
    addend, out = rng.standard_normal(shape).astype(dtype), np.empty_like(x)
    statistics = (gamma, beta, mean, inverse_std, variance, 1e-5, train)
    _ext.batch_norm_forward(x, out, *statistics, post._replace(addend=addend))
    np.testing.assert_array_equal(
        out, np.where(y + addend <= 0, 0, y + addend) if relu else y + addend
    )
    out.flat[0] = np.nan  # what was NaN lets the gradient through
    agree("batch_norm_backward", dtype, dy, *forward, train, Kept("relu", out), np.empty_like(x))


@PARAMETER("dtype", DTYPES)
@PARAMETER("backend", [reference, _ext])
def test_batch_norm_of_channels_that_are_out_of_the_ordinary(backend, dtype):
    """Equal values have variance 0, never below; a NaN and an infinity stay in their channels."""
    x = np.random.default_rng(0).standard_normal((40, 5, 7)).astype(dtype)
    x[:, 1] = 0.1
    x[3, 2, 1], x[39, 3, 6] = np.nan, np.inf
    x[0, 4] += 1000  # the images that come first say nothing about the others
    y, ones, zeros = np.empty_like(x), np.ones(5, dtype), np.zeros(5, dtype)
    mean, std, variance = (np.empty(5, dtype) for _ in range(3))
    with np.errstate(all="ignore"):
        backend.batch_norm_forward(x, y, ones, zeros, mean, std, variance, 1e-5, True)
    assert 0 <= variance[1] < 1e-12
    assert np.isnan(mean[2])
    assert mean[3] == np.inf
    assert np.isnan(variance[2:4]).all()
    np.testing.assert_allclose(y[:, 1], 0, atol=1e-4)
    assert np.isfinite(y[:, [0, 1, 4]]).all()
    assert np.isnan(y[:, 2]).all()
    exact = x[:, 4].astype(np.float64)
    np.testing.assert_allclose(variance[4], exact.var(), rtol=50 * np.finfo(dtype).eps)


def test_arrays_are_checked_before_memory_is_touched():
    x = np.ones((2, 3, 4, 4), np.float32)
    with pytest.raises(ValueError, match="y has 95 elements, expected 96"):
        _ext.relu_forward(x, np.empty(95, np.float32))
    with pytest.raises(TypeError, match="y has another dtype"):
        _ext.relu_forward(x, np.empty(96))
    with pytest.raises(TypeError, match="x must be float32 or float64"):
        _ext.relu_forward(x.astype(np.int32), x)
    with pytest.raises((ValueError, BufferError)):
        _ext.relu_forward(x, np.empty((2, 3, 4, 8), np.float32)[..., ::2])
    read_only = np.ones_like(x)
    read_only.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        _ext.relu_forward(x, read_only)
    with pytest.raises(TypeError, match="argmax must be uint8"):
        _ext.max_pool2x2_forward(
            x, np.empty((2, 3, 2, 2), np.float32), np.empty((2, 3, 2, 2)), False
        )


@PARAMETER("dtype", DTYPES)
@PARAMETER("backend", [reference, _ext])
def test_batch_norm_takes_the_running_statistics_and_moves_them(backend, dtype, rng):
    x = (2 + rng.standard_normal((5, 3, 7))).astype(dtype)
    ones, zeros = np.ones(3, dtype), np.zeros(3, dtype)
    mean, std, variance, rest = (np.full(3, 9, dtype) for _ in range(4))
    running = np.array([1, -1, 0], dtype), np.array([4, 0.25, 0], dtype)
    kept = [a.copy() for a in running]
    y = np.empty_like(x)
    given = (x, y, ones, zeros, mean, std, variance, 0.0)
    backend.batch_norm_forward(*given, False, NO_POST_OPS, rest, *running, 0.5)
    np.testing.assert_array_equal(mean, kept[0])
    np.testing.assert_array_equal(std, np.array([0.5, 2, 0], dtype))  # 0, not 1 / 0
    np.testing.assert_array_equal(rest, zeros)
    np.testing.assert_array_equal(running, kept)

    backend.batch_norm_forward(*given, True, NO_POST_OPS, rest, *running, 0.25)
    tolerance = 4 * np.finfo(dtype).eps
    moved = 0.75 * kept[0] + 0.25 * x.mean(axis=(0, 2), dtype=np.float64)
    np.testing.assert_allclose(running[0], moved, rtol=tolerance, atol=tolerance)
    moved = 0.75 * kept[1] + 0.25 * x.astype(np.float64).var(axis=(0, 2), ddof=1)
    np.testing.assert_allclose(running[1], moved, rtol=tolerance, atol=tolerance)
    with pytest.raises(ValueError, match="one running statistic is missing"):
        backend.batch_norm_forward(*given, False, NO_POST_OPS, rest, running[0])


@PARAMETER("backend", [reference, _ext])
def test_batch_norm_behind_a_sum_asks_for_both_of_its_arrays(backend):
    x, row = np.ones((2, 3, 4)), np.ones(3)
    given = (x, x, None, row, row, row, row, row.copy(), row.copy(), True)
    with pytest.raises(ValueError, match="values and dsum must both be given, or neither"):
        backend.batch_norm_backward(*given, Kept("relu", x))
    with pytest.raises(ValueError, match="values and dsum must both be given, or neither"):
        backend.batch_norm_backward(*given, NOTHING_KEPT, x.copy())


def test_arrays_of_a_sum_are_checked_too():
    x, row = np.ones((2, 3, 4)), np.ones(3)
    rows = (row, row, row, row)
    with pytest.raises(ValueError, match="addend has 23 elements, expected 24"):
        _ext.batch_norm_forward(x, x.copy(), *rows, row, 1e-5, False, PostOps(np.ones(23)))
    given = (x, x, None, *rows, row.copy(), row.copy(), True)
    with pytest.raises(ValueError, match="y has 23 elements, expected 24"):
        _ext.batch_norm_backward(*given, Kept("relu", np.ones(23)), x.copy())
    with pytest.raises(ValueError, match="dsum has 23 elements, expected 24"):
        _ext.batch_norm_backward(*given, Kept("relu", x), np.ones(23))


def test_a_pixel_outside_its_window_gets_no_gradient():
    dx = np.empty((1, 1, 2, 2), np.float32)
    argmax = np.full((1, 1, 1, 1), 255, np.uint8)
    _ext.max_pool2x2_backward(np.ones((1, 1, 1, 1), np.float32), argmax, dx)
    assert not dx.any()


@PARAMETER("name", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(name):
    run_again(__file__, name)


@PARAMETER("backend", [reference, _ext])
def test_batch_norm_fills_an_output_without_the_axis_of_pixels(backend):
    """The twin once took (N, C) for a shape to broadcast to, and failed."""
    x = np.arange(10.0).reshape(5, 2, 1)
    y = np.zeros((5, 2))
    ones, zeros = np.ones(2), np.zeros(2)
    backend.batch_norm_forward(x, y, ones, zeros, zeros.copy(), ones.copy(), ones.copy(), 0.0, True)
    np.testing.assert_allclose(y, (x[..., 0] - [4, 5]) / np.sqrt(8))
