"""One dialect of integers, real numbers, flags and words."""

from enum import IntEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cnnlite.checks import numbers


class Index(IntEnum):
    TWO = 2


class Indexable:
    def __index__(self) -> int:
        return 2


INTEGERS = [2, np.uint8(2), np.int64(2), np.array(2), Index.TWO, Indexable()]


@pytest.mark.parametrize("value", INTEGERS)
def test_an_integer_is_what_python_indexes_with(value: Any) -> None:
    result = numbers.integer("Linear", "in_features", value)
    assert (result, type(result)) == (2, int)


def test_a_tensor_of_one_integer_is_one(torch: Any) -> None:
    assert numbers.integer("Linear", "in_features", torch.tensor(2)) == 2
    with pytest.raises(TypeError, match=r"in_features is tensor\(2\.\), expected an integer"):
        numbers.integer("Linear", "in_features", torch.tensor(2.0))


@pytest.mark.parametrize("value", [True, np.False_, 2.0, np.float64(2), "2", None, np.ones(1, int)])
def test_flags_floats_and_arrays_are_no_integers(value: Any) -> None:
    with pytest.raises(TypeError, match=r"Linear: in_features is .*, expected an integer"):
        numbers.count("Linear", "in_features", value)


def test_the_range_of_an_integer_is_in_the_message() -> None:
    with pytest.raises(ValueError, match="f: n is 0, expected an integer from 1 up"):
        numbers.count("f", "n", 0)
    with pytest.raises(ValueError, match="f: n is 9, expected an integer from 2 to 8"):
        numbers.integer("f", "n", 9, 2, 8)
    with pytest.raises(TypeError, match=r"f: n is 1\.5, expected an integer$"):
        numbers.integer("f", "n", 1.5)
    assert numbers.optional_count("f", "n", None) is None


@pytest.mark.parametrize("value", [1, 0.5, np.float16(0.5), np.array(0.5), Fraction(1, 2)])
def test_a_real_number_comes_back_as_a_python_float(value: Any) -> None:
    result = numbers.real("Dropout", "p", value, 0, 1)
    assert (result, type(result)) == (float(value), float)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, "a number"),
        ({"low": 0}, "a number from 0 up"),
        ({"low": 0, "high": 1}, "a number from 0 to 1"),
        ({"low": 0, "high": 1, "open_high": True}, "a number from 0 to below 1"),
        ({"low": 0, "open_low": True}, "a number above 0"),
        (
            {"low": 0, "high": 1, "open_low": True, "open_high": True},
            "a number above 0 and below 1",
        ),
    ],
)
@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), np.float32("-inf"), True, "1", 10**400]
)
def test_the_range_of_a_number_is_in_the_message(limits: Any, expected: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"^f: x is .*, expected {expected}$"):
        numbers.real("f", "x", value, **limits)


def test_the_end_of_an_open_range_does_not_belong_to_it() -> None:
    assert numbers.real("f", "x", 1, 0, 1) == 1
    with pytest.raises(ValueError, match="f: x is 1, expected a number from 0 to below 1"):
        numbers.real("f", "x", 1, 0, 1, open_high=True)
    with pytest.raises(ValueError, match="f: x is 0, expected a number above 0"):
        numbers.real("f", "x", 0, 0, open_low=True)


def test_an_array_is_shown_by_its_shape() -> None:
    with pytest.raises(TypeError, match=r"f: n is an array float64 \(3, 4\), expected an integer"):
        numbers.integer("f", "n", np.zeros((3, 4)))
    with pytest.raises(TypeError, match=r"f: n is '\?{96}\.\.\., expected an integer"):
        numbers.integer("f", "n", "?" * 200)


def test_a_word_is_a_string_of_the_list() -> None:
    assert numbers.choice("f", "mode", None, ("a", None)) is None
    with pytest.raises(ValueError, match="f: mode is 'c', expected 'a' or 'b'"):
        numbers.choice("f", "mode", "c", ("a", "b"))
    with pytest.raises(ValueError, match=r"f: mode is an array <U1 .*, expected 'a' or 'b'"):
        numbers.choice("f", "mode", np.array(["a", "b"]), ("a", "b"))
