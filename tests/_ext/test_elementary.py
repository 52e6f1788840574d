"""exp, log and their kin: the twin's bits, in every instruction set, and the true values."""

import math

import numpy as np
import pytest

from cnnlite import _ext, portable, reference
from cnnlite.functional import elementary
from cnnlite.random import standard_normal
from tests._ext.instruction_sets import run_again

NAMES = ["exp", "expm1", "log", "log1p", "tanh"]
EDGES = [
    *(0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, 5e-324, 1e-310, 1e-300, 1e308),
    *(709.78, 709.79, -745.13, -745.14, 40.0, 40.1, -40.1, 1e-17, -1e-17, 2.0**53, 22.0),
    *(math.sqrt(0.5), math.nextafter(math.sqrt(0.5), 0), math.sqrt(2), -0.5, -1 + 2**-53),
]


def numbers(rng: np.random.Generator, dtype: type) -> np.ndarray:
    wide = np.exp(rng.uniform(-80, 80, 3000))
    drawn = [EDGES, rng.uniform(-2, 2, 3000), rng.uniform(-100, 100, 3000), wide, -wide]
    with np.errstate(over="ignore", under="ignore"):
        return np.concatenate(drawn).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_has_the_bits_of_its_twin(name, dtype, rng):
    x = numbers(rng, dtype)
    got, expected = np.empty_like(x), np.empty_like(x)
    getattr(_ext, name)(x, got)
    getattr(reference, name)(x, expected)
    np.testing.assert_array_equal(got, expected)
    assert (np.signbit(got) == np.signbit(expected))[~np.isnan(got)].all()


@pytest.mark.parametrize("name", NAMES)
def test_the_last_digits_are_right(name, rng):
    x = numbers(rng, np.float64)
    got = np.empty_like(x)
    getattr(_ext, name)(x, got)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
        np.testing.assert_array_equal(np.isinf(got), np.isinf(expected))
    finite = np.isfinite(got)
    got, expected = got[finite], expected[finite]
    assert (np.abs(got - expected) <= 4 * np.spacing(np.abs(expected))).all()


@pytest.mark.parametrize("exponent", [0, 0.5, 1, 2, 3.7, -1.5])
def test_powers_of_arrays(exponent, rng):
    x = np.append(rng.uniform(0, 5, 100), [0, 1])
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(elementary.power(x, exponent), x**exponent, rtol=1e-13)


def test_single_numbers_are_rounded_to_the_nearest():
    for x in np.linspace(-7, 7, 113).tolist():
        assert math.isclose(portable.cos(x), math.cos(x), rel_tol=3e-16), x
    assert portable.cos(math.pi / 2).hex() == "0x1.1a62633145c07p-54"
    for base, exponent in [(0.999, 1234), (0.9, 0.5), (1e-300, 2), (1e300, 2), (0, 0), (-0.5, 3)]:
        try:
            expected = float(base**exponent)
        except OverflowError:
            expected = math.inf
        assert math.isclose(portable.power(base, exponent), expected, rel_tol=3e-16)
    assert portable.log(0.1) == math.log(0.1)
    assert portable.expm1(1e-10) == math.expm1(1e-10)


def test_normal_numbers_are_normal_and_have_fixed_bits():
    x = standard_normal(np.random.Generator(np.random.Philox(key=0)), (50_000,))
    share_within = [np.mean(np.abs(x) < z) for z in (0.5, 1, 2, 3)]
    np.testing.assert_allclose(share_within, [0.3829, 0.6827, 0.9545, 0.9973], atol=0.006)
    assert abs(x.mean()) < 0.015
    assert standard_normal(np.random.default_rng(0), ()).shape == ()
    assert [number.hex() for number in x[:2].tolist()] == [
        "-0x1.8097e68006e45p+0",
        "-0x1.00aeda886de5ep-2",
    ]


@pytest.mark.parametrize("name", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(name):
    run_again(__file__, name)
