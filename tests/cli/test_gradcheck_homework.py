"""`cnnlite gradcheck FILE.py:CLASS` on a homework: each mistake is told in plain words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli import wrong_layers

Cli = Callable[..., Any]
HOMEWORK = Path(wrong_layers.__file__).resolve()

RIGHT = ["RightAffine", "RightAffine(3, outputs=2)", "RightReLU", "RightLoss"]
WRONG: dict[str, tuple[str, ...]] = {
    "MissingSum": (
        "FAIL bias (4,)",
        "has shape (5, 4), expected (4,): the sum over the batch is missing",
    ),
    "OnlyTheFirstExample": (
        "FAIL weight (4, 3)",
        "only example 0 is counted: the sum over the batch is missing",
    ),
    "DividedByN": ("5 times too small, the batch size: divided by N where it should not be",),
    "Transposed": ("FAIL weight", "has shape (3, 4), expected (4, 3): it is transposed"),
    "WrongSign": ("FAIL x (5, 3)", "likely cause: the sign is wrong"),
    "ScaledDx": ("FAIL x (5, 3)", "right but for a factor: it is 3 times what it should be"),
    "NoBias": ("FAIL bias (4,)", "backward gives no gradient for it"),
    "WrongKey": (
        "FAIL weight (4, 3)",
        "backward gives no gradient for it",
        "FAIL grads has 'W', which is not a parameter",
    ),
    "WrongShape": ("FAIL x (5, 3)", "the gradient has shape (15,), expected (5, 3)"),
    "Float32Gradient": ("FAIL the gradient of weight is float32, expected float64 as weight is",),
    "Float32Output": ("FAIL forward gives float32 for a float64 x",),
    "OneNaN": (
        "FAIL weight (4, 3)",
        "at (2, 1)",
        "analytic nan",
        "1 of 12 entries are not finite (NaN or infinity)",
    ),
    "NaNOutput": (
        "FAIL forward gives NaN or infinity, first at (1, 2)",
        "likely cause: the differences are not finite: forward gives NaN or infinity",
    ),
    "CacheChanged": ("FAIL backward changed its cache, so that it cannot be called twice",),
    "InputChanged": ("ok   x (5, 3)", "FAIL x was changed by forward or backward"),
    "DyChanged": ("FAIL dy was changed by forward or backward",),
    "GradientsAddUp": (
        "FAIL backward gives another result the second time: it adds to the first one",
    ),
    "NotDeterministic": ("FAIL forward gives another result for the same x and the same rng",),
    "CountsItsCalls": ("FAIL forward gives another result for the same x and the same rng",),
    "KeepsItselfInMind": (
        "ok   weight",
        "FAIL backward gives another result after a forward of another x: what it needs must be "
        "in the cache, not in the layer",
    ),
    "IgnoresDy": ("backward ignores dy: this is the gradient for dy = 1",),
    "NoMask": ("FAIL x (5, 3)", "dx is dy itself: the layer's own derivative is missing"),
    "MaskOfDy": ("FAIL x (5, 3)", "of 15 entries are wrong; the others are right"),
    "ForgottenDivision": (
        "FAIL scores (5, 3)",
        "5 times too large, the batch size: a division by N (1/N) was forgotten",
    ),
}
"""What is said of each, all of it."""

RAISES = {
    "NoForward": "TypeError: NoForward has no method forward",
    "NoBackward": "TypeError: NoBackward has no method backward",
    "NoCache": "TypeError: NoCache.forward must return (y, cache), got ndarray",
    "NoGradients": (
        "TypeError: NoGradients.backward must return (dx, a dict of gradients), got ndarray"
    ),
    "Raises": "IndexError: only integers, slices",
    "Leaves": "SystemExit: 0",
}

NOT_LOADED = {
    "NeedsSize": (
        "cannot be made: TypeError: NeedsSize.__init__() missing 1 required positional argument: "
        "'size'; arguments are given as in {file}:NeedsSize(3, bias=False)"
    ),
    "RaisesWhenMade": "cannot be made: ValueError: matmul: ",
    "Missing": "has no class Missing (there are: RightAffine, MissingSum, ",
}


def every(table: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", table)


@pytest.mark.parametrize("call", RIGHT)
def test_what_is_right_is_status_0(cli: Cli, call: str) -> None:
    outcome = cli("gradcheck", f"{HOMEWORK}:{call}", "--input", "5,3")
    assert outcome.status == 0, outcome
    assert outcome.out.startswith(f"{call.partition('(')[0]}: gradients are right\n")
    assert "FAIL" not in outcome.out


@every(WRONG)
def test_what_is_wrong_is_status_1_and_said(cli: Cli, name: str) -> None:
    outcome = cli("gradcheck", f"{HOMEWORK}:{name}", "--input", "5,3")
    assert outcome.status == 1, outcome
    assert outcome.out.startswith(f"{name}: gradients are WRONG\n")
    for words in WRONG[name]:
        assert words in outcome.out, outcome.out


def test_a_flipped_kernel(cli: Cli) -> None:
    outcome = cli("gradcheck", f"{HOMEWORK}:FlippedKernel", "--input", "2,3,4")
    assert outcome.status == 1
    assert "ok   x (2, 3, 4)" in outcome.out
    assert "turned by 180 degrees: the last two axes run backwards" in outcome.out


def test_a_square_weight_that_is_transposed(cli: Cli) -> None:
    outcome = cli("gradcheck", f"{HOMEWORK}:Transposed(4, 4)", "--input", "5,4")
    assert outcome.status == 1
    assert "transposed: with its axes in the order (1, 0) it would be right" in outcome.out


@every(RAISES)
def test_what_raises_is_status_1_and_one_line(cli: Cli, name: str) -> None:
    outcome = cli("gradcheck", f"{HOMEWORK}:{name}", "--input", "5,3")
    assert outcome.status == 1
    assert not outcome.out
    (line,) = outcome.err.splitlines()
    assert line.startswith(f"cnnlite gradcheck: {HOMEWORK}:{name} raised {RAISES[name]}")


def test_the_line_that_raised_is_named(cli: Cli) -> None:
    lines = HOMEWORK.read_text().splitlines()
    number = next(i for i, line in enumerate(lines, 1) if 'cache["x"]' in line)
    outcome = cli("gradcheck", f"{HOMEWORK}:Raises", "--input", "5,3")
    assert outcome.err.rstrip().endswith(f"(wrong_layers.py, line {number})")


@every(NOT_LOADED)
def test_what_cannot_be_made_is_status_2(cli: Cli, name: str) -> None:
    complaint = cli("gradcheck", f"{HOMEWORK}:{name}", "--input", "5,3").complaint
    assert NOT_LOADED[name].format(file=HOMEWORK) in complaint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_of_this_name\n", "ModuleNotFoundError: No module named 'nothing_of_"),
        ("from cnnlite import Conv4d\n", "ImportError: cannot import name 'Conv4d'"),
        ("class Scale(:\n", "SyntaxError: "),
        ("class Scale:\nx = 1\n", "IndentationError: expected an indented block"),
        ("raise SystemExit(0)\n", "SystemExit: 0"),
        ("x = 1 / 0\n", "ZeroDivisionError: division by zero (mine.py, line 1)"),
        ("x = '\0'\n", "SyntaxError: "),
    ],
)
def test_a_file_that_cannot_be_loaded_is_status_2(cli: Cli, text: str, words: str) -> None:
    Path("mine.py").write_text(text)
    complaint = cli("gradcheck", "mine.py:Scale", "--input", "5,3").complaint
    assert f"mine.py cannot be loaded: {words}" in complaint


def test_a_file_that_is_no_python_is_status_2(cli: Cli) -> None:
    Path("mine.txt").write_text("class Scale: ...\n")
    complaint = cli("gradcheck", "mine.txt:Scale", "--input", "5,3").complaint
    assert complaint == "cnnlite gradcheck: mine.txt is not a Python file"


def test_a_file_without_classes_is_status_2(cli: Cli) -> None:
    """Classes that it only imports were listed as its own."""
    for text, there in (
        ("Scale = 3\n", "none"),
        ("from cnnlite import *\nfrom cnnlite.functional import *\nclass Own: ...\n", "Own"),
    ):
        Path("mine.py").write_text(text)
        complaint = cli("gradcheck", "mine.py:Scale", "--input", "5,3").complaint
        assert complaint.endswith(f"mine.py has no class Scale (there are: {there})")


def test_every_layer_of_the_homework_is_in_a_table() -> None:
    classes = {name for name, item in vars(wrong_layers).items() if isinstance(item, type)}
    tables = {*WRONG, *RAISES, *NOT_LOADED, *(call.partition("(")[0] for call in RIGHT)}
    assert classes - {"FlippedKernel"} <= tables
