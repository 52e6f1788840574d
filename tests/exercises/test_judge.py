"""The judge, on answers of all kinds, and on answers that no worker gives."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.exercises import EXERCISES, Case, Exercise, Part, check, exercise_of
from cnnlite.isolated.wire import decode, encode, plain
from tests.exercises.checked import Here, solution

X = np.array([[1.0, 2.0], [3.0, 4.0]])


def message(folder: Path, text: str, case: Case, **options: Any) -> str:
    """What is said of a file with a function f."""
    file = folder / "broken_f.py"
    file.write_text(f"import numpy as np\ndef f(x):\n    {text}\n", encoding="utf-8")
    part = Part("f", 1, "f", lambda rng: [case], **options)
    (verdict,) = check(Exercise("f", "", (part,)), file, start=Here)
    return verdict.message


class TestMemory:
    def test_an_input_returned_as_it_is(self, tmp_path: Path) -> None:
        case = Case("f(x)", {"x": X}, X)
        assert "shares its memory with the input x" in message(tmp_path, "return x", case)
        assert "shares its memory with the input x" in message(tmp_path, "return x[:]", case)
        assert message(tmp_path, "return x.copy()", case) == ""

    def test_where_it_may_be(self, tmp_path: Path) -> None:
        assert message(tmp_path, "return x", Case("f(x)", {"x": X}, X, may_alias=True)) == ""

    def test_one_array_as_two_results(self, tmp_path: Path) -> None:
        case, text = Case("f(x)", {"x": X}, 2 * X), "y = 2 * x; return y, y"
        said = message(tmp_path, text, case, take=1, of=("a", "b"))
        assert "b is an array that is returned twice" in said

    def test_of_another_result_it_is_not_told(self, tmp_path: Path) -> None:
        case = Case("f(x)", {"x": X}, 2 * X)
        assert message(tmp_path, "return 2 * x, x", case, take=0, of=("a", "b")) == ""


def test_a_result_in_another_layout_is_right(tmp_path: Path) -> None:
    case = Case("f(x)", {"x": X}, 2 * X)
    assert message(tmp_path, "return np.asfortranarray(2 * x)", case) == ""
    assert message(tmp_path, "return (2 * x.T).T", case) == ""


def test_a_number_may_be_of_any_kind(tmp_path: Path) -> None:
    case = Case("f(x)", {"x": X}, 10.0)
    for text in ("x.sum()", "float(x.sum())", "np.asarray(x.sum())", "10", "np.float32(10)"):
        assert message(tmp_path, f"return {text}", case) == ""
    assert "came shape (1,), expected ()" in message(tmp_path, "return [10.0]", case)


def test_a_wrong_factor_is_recognised_by_a_size(tmp_path: Path) -> None:
    x = np.arange(1.0, 7.0).reshape(3, 2)
    case = Case("f(x)", {"x": x}, x.copy())
    assert "and 3 is x.shape[0]" in message(tmp_path, "return 3 * x", case)
    assert "and that is 1/x.shape[0]" in message(tmp_path, "return x / 3", case)


def test_text_from_the_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    said = message(tmp_path, "raise ValueError('\\x1b[2A\\x1b[2Kright')", Case("f(x)", {"x": X}, X))
    assert "\x1b" not in said
    assert plain("a\x1b[1mb\nc") == "a [1mb c"


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, -2.5, "text", (1, [2.0, None], {"a": X}), X, X[::-1, ::2],
        np.float32([1, np.nan]), np.int64(3), np.zeros((0, 3)), np.array(True),
    ],
)  # fmt: skip
def test_what_is_sent_arrives(value: Any) -> None:
    back = decode(json.loads(json.dumps(encode(value))))
    if isinstance(value, np.ndarray | np.generic):
        assert back.dtype == value.dtype
        assert back.shape == value.shape
        np.testing.assert_array_equal(back, value)
    else:
        assert repr(back) == repr(value)


FAKES = [
    {}, {"names": 3, "results": 4}, {"error": 5}, {"error": {"line": [1], "type": {}}},
    {"names": [[]]},
    {"names": ["relu_forward"], "results": []}, {"names": ["relu_forward"], "results": [[]] * 9},
]  # fmt: skip
RESULTS = [
    True, 10**400, -(10**30), float("inf"), [], {}, {"array": 3}, {"other": 7}, {"text": None},
    {"array": "", "dtype": "O", "shape": [1]}, {"array": "", "dtype": "U9", "shape": [1]},
    {"array": "AAAAAAAAAAA=", "dtype": "float64", "shape": [-1]},
    {"array": "AAAAAAAAAAA=", "dtype": "float64", "shape": [2**70, 3]},
    {"array": "AAAAAAAAAAA=", "dtype": "datetime64[s]", "shape": []},
    {"array": "!", "dtype": "float64", "shape": []}, {"list": [10**400]}, {"list": 3},
    {"tuple": [{"dict": {"a": 1}}]}, {"dict": 3},
]  # fmt: skip


@pytest.mark.parametrize("fake", [*FAKES, *({"result": result} for result in RESULTS)], ids=repr)
@pytest.mark.parametrize("name", ["relu", "linear", "dropout", "tape"])
def test_a_forged_reply_gets_nothing_and_breaks_nothing(name: str, fake: Any) -> None:
    """The child's channel is open to the student's file, which may write into it what it likes."""
    if "result" in fake:
        functions = [part.function.partition(".")[0] for part in EXERCISES[name].parts]
        one = {"inputs": {"dict": {}}, "alias": [], **fake}
        fake = {"names": functions, "results": [one] * 9}

    class Forger(Here):
        def ask(self, request: dict[str, Any], seconds: float) -> Any:
            return fake

    for verdict in check(EXERCISES[name], solution(name), start=Forger):
        assert verdict.points == 0


@pytest.mark.parametrize(
    "alias", [3, [3], [[0, 99]], [[0, {}]], [[99, "x"]], [["x", None]], [[[], {}]]]
)
def test_forged_aliases_break_nothing(alias: Any) -> None:
    class Forger(Here):
        def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
            reply = super().ask(request, seconds)
            for result in reply.get("results", ()):
                result["alias"] = alias
            return reply

    assert check(EXERCISES["relu"], solution("relu"), start=Forger)


def test_a_mark_at_the_beginning_of_the_file_does_not_hide_its_exercise(tmp_path: Path) -> None:
    """As some editors on Windows write it."""
    file = tmp_path / "marked.py"
    file.write_text("# cnnlite exercise: tape\r\n", encoding="utf-8-sig")
    assert exercise_of(file, EXERCISES).name == "tape"
