"""Winograd's products of numbers rounded to bfloat16: the same in every form, near float32's."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from cnnlite._ext import engine
from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT
from cnnlite.reference import winograd

PADDING = (1, 1, 1, 1)
# images, channels, size, filters, groups, tile
SHAPES = [
    (3, 5, 9, 11, 1, 4),  # an odd number of channels, and of tiles
    (2, 17, 6, 33, 1, 2),
    (2, 12, 13, 8, 2, 4),
    (1, 600, 4, 7, 1, 4),  # a deep sum, cut in blocks
    (1, 129, 7, 97, 1, 2),  # the filters are cut, not the tiles
    (5, 256, 4, 260, 1, 4),  # its weight gradient goes by waves of blocks with one tile
]


def arrays(rng, shape, dtype=np.float32):
    n, c, size, f, groups, _ = shape
    sizes = (n, c, size, size), (f, c // groups, 3, 3), (n, f, size, size)
    return [rng.standard_normal(s).astype(dtype) for s in sizes]


def passes(kernels, x, weight, dy, shape, bfloat16):
    """Return y, dx, dweight and dbias."""
    rest = PADDING, *shape[4:]
    y, dx, dweight = np.empty_like(dy), np.empty_like(x), np.empty_like(weight)
    dbias = np.empty(len(weight), x.dtype)
    kernels.conv2d_winograd_forward(x, weight, None, y, *rest, NO_POST_OPS, None, bfloat16)
    kernels.conv2d_winograd_input_gradient(dy, weight, dx, *rest, NOTHING_KEPT, bfloat16)
    kernels.conv2d_winograd_weight_gradient(x, dy, dweight, dbias, *rest, NOTHING_KEPT, bfloat16)
    return y, dx, dweight, dbias


def apart(ours, others):
    """The largest of mean|a - b| / mean|b|."""
    pairs = zip(ours, others, strict=True)
    return max(float(np.abs(a - b).mean() / np.abs(b).mean()) for a, b in pairs)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_twin_rounds_the_same_numbers(rng, shape):
    given = *arrays(rng, shape), shape, True
    assert apart(passes(engine, *given), passes(winograd, *given)) < 2e-4


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_numbers_are_rounded_and_sums_are_not(rng, shape):
    given = *arrays(rng, shape), shape
    rounded, whole = passes(engine, *given, True), passes(engine, *given, False)
    least, most = (1e-3, 6e-3) if shape[-1] == 2 else (5e-3, 2e-2)
    for ours, others in zip(rounded[:3], whole[:3], strict=True):
        assert least < apart([ours], [others]) < most
    assert rounded[3].tobytes() == whole[3].tobytes()  # dbias is no product
    ones = [np.ones_like(a) for a in given[:3]]
    y = passes(engine, *ones, shape, True)[0]
    inside = y[:, :, 1:-1, 1:-1]
    assert np.abs(inside / (9 * given[1].shape[1]) - 1).max() < 2e-2


def test_float64_is_never_rounded(rng):
    given = *arrays(rng, SHAPES[0], np.float64), SHAPES[0]
    for kernels in (engine, winograd):
        ours, others = passes(kernels, *given, True), passes(kernels, *given, False)
        assert [a.tobytes() for a in ours] == [a.tobytes() for a in others]


def test_what_is_not_finite_or_overflows_when_rounded_goes_where_the_definition_says(rng):
    shape = SHAPES[0]
    x, weight, dy = arrays(rng, shape)
    odd_nan = np.uint32(0x7FFFFFFF).view(np.float32)
    x[0, 0, 4, 4], x[1, 1, 2, 2], x[2, 2, 7, 1] = np.inf, odd_nan, np.finfo(np.float32).max
    exact = passes(engine, *(a.astype(np.float64) for a in (x, weight, dy)), shape, False)
    for got, truth in zip(passes(engine, x, weight, dy, shape, True), exact, strict=True):
        with np.errstate(over="ignore"):
            truth = truth.astype(np.float32)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(truth))
        np.testing.assert_array_equal(got == np.inf, truth == np.inf)
        np.testing.assert_array_equal(got == -np.inf, truth == -np.inf)


def test_numbers_too_small_for_a_pair_are_zero_in_every_form(rng):
    shape = SHAPES[0]
    x, weight, dy = arrays(rng, shape)
    y, _, dweight, _ = passes(engine, x * np.float32(1e-40), weight, dy, shape, True)
    assert not y.any()
    assert not dweight.any()


def digest():
    """Return a hash of all results, for another instruction set to compare."""
    rng, found = np.random.default_rng(1), hashlib.sha256()
    for shape in SHAPES:
        for array in passes(engine, *arrays(rng, shape), shape, True):
            found.update(array.tobytes())
    return found.hexdigest()


@pytest.mark.skipif(engine.instruction_set() != "avx512", reason="it takes AVX-512")
def test_pairs_have_the_bits_of_rounded_numbers():
    """Those of AVX-512, with paired products where the machine has them, and of AVX2."""
    call = [sys.executable, "-c", "from tests._ext import test_bfloat16 as t; print(t.digest())"]
    other = subprocess.run(
        call, env={**os.environ, "CNNLITE_ISA": "avx2"}, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == digest()
