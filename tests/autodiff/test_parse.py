"""Text in, graph out; and nothing else."""

import math

import pytest

from cnnlite.autodiff import parse
from cnnlite.autodiff.parse import LONGEST


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x", 2),
        ("-x**2", -4),
        ("+x - -1", 3),
        ("2**x**2", 16),
        ("x/4 + pi*0 + e - e", 0.5),
        ("1e1 * abs(-x)", 20),
        (" exp(ln(x)) ", 2),
    ],
)
def test_reads_what_python_reads(text: str, value: float) -> None:
    assert parse(text, ["x"])(2.0)[0] == pytest.approx(value, rel=1e-15)


def test_several_expressions_are_several_outputs() -> None:
    assert parse("x*y, x, 3", ["x", "y"])(2.0, 5.0) == [10.0, 2.0, 3.0]


def test_an_input_may_be_called_as_a_constant_is() -> None:
    assert parse("e + pi", ["e"])(1.0) == [1 + math.pi]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x^2", "a power is written"),
        ("x +", "is no expression"),
        ("", "is no expression"),
        ("()", "there is no expression"),
        ("x*z", r"z has no value \(inputs: x\) \(at character 3\)"),
        ("sin", r"sin is a function: write sin\(...\)"),
        ("sin(x, x)", "sin takes one argument"),
        ("sin(x=1)", "sin takes one argument"),
        ("sinh(x)", "there is no function sinh"),
        ("True", "'True' is not understood"),
        ("'a'", "is not understood"),
        ("1j", "is not understood"),
        ("1e999", "the number at character 1 is too large"),
        ("1" + "0" * 400, "the number at character 1 is too large"),
        ("9**9**9**9", r"9 \*\* 9 \*\* 9 is not defined"),
        ("1/0", "1 / 0 is not defined"),
        ("x" * (LONGEST + 1), "2001 characters, 2000 are allowed"),
        ("-" * 1900 + "x", "nested too deeply"),
        ("(" * 900 + "x", "is no expression: too many nested"),
    ],
)
def test_anything_else_is_an_error_that_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        parse(text, ["x"])
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        "().__class__.__bases__",
        "__import__('os').system('true')",
        "[x for x in (1, 2)]",
        "(lambda: x)()",
        "x if x else x",
        "x.real",
        "f'{x}'",
        "(x := 1)",
        "x[0]",
        "x and x",
        "x == x",
        "*x, x",
    ],
)
def test_nothing_is_ever_run(text: str) -> None:
    with pytest.raises(ValueError, match=r"not understood|no function|no expression"):
        parse(text, ["x"])


@pytest.mark.parametrize("name", ["sin", "a b", "1x", ""])
def test_names_that_inputs_cannot_have(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of an input"):
        parse("1", [name])


def test_two_inputs_of_one_name_are_an_error() -> None:
    with pytest.raises(ValueError, match="two inputs have one name: x, x"):
        parse("x*2", ["x", "x"])
