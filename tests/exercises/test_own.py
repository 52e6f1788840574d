"""An exercise of one's own: the template works, and what is wrong is said with its line."""

from pathlib import Path

import numpy as np
import pytest

from cnnlite.exercises import Grading, Submitted, Verdict, check, load_exercise, template
from tests.exercises.checked import Here

BEGIN = """
import numpy as np
from cnnlite.exercises import reference_part

def double(x, times=1):
    \"\"\"Return x doubled, times times.\"\"\"
    return x * 2.0**times

def cases(rng):
    yield {"x": rng.standard_normal(3)}
    yield {"x": rng.standard_normal((2, 2)), "times": 3}
"""
PARTS = "parts = [reference_part(double, cases, points=3)]\n"


def written(folder: Path, text: str, name: str = "doubling.py") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def verdicts(folder: Path, author: Path, text: str) -> list[Verdict]:
    student = written(folder, text, "student.py")
    return check(load_exercise(author), student, start=Here)


class TestTemplate:
    @pytest.fixture
    def author(self, tmp_path: Path) -> Path:
        return written(tmp_path, template("averages", "averages.py"), "averages.py")

    def test_is_an_exercise(self, author: Path) -> None:
        exercise = load_exercise(author)
        assert (exercise.name, exercise.title) == ("averages", "The moving average of a signal")
        assert [(part.name, part.points) for part in exercise.parts] == [
            ("forward", 2), ("backward", 3),
        ]  # fmt: skip
        assert exercise.allowed == ("numpy",)

    def test_its_starting_file_is_worth_nothing_and_has_no_answer(self, author: Path) -> None:
        exercise = load_exercise(author)
        assert exercise.start.startswith('# cnnlite exercise: averages\n"""The moving average')
        assert "np.convolve" not in exercise.start
        assert "the mean of each window of x" in exercise.start
        found = verdicts(author.parent, author, exercise.start)
        assert [verdict.word for verdict in found] == ["to do", "to do"]

    def test_its_answers_are_right_and_its_mistakes_are_named(self, author: Path) -> None:
        text = author.read_text().partition("# The calls")[0]
        text = text.replace("from cnnlite.exercises import reference_part\n", "")
        assert [v.message for v in verdicts(author.parent, author, text)] == ["", ""]
        text = text.replace("np.ones(width) / width", "np.ones(width)")
        forward, backward = verdicts(author.parent, author, text)
        assert "likely: the sum of the window, not its mean" in forward.message
        assert "likely: the 1 / width is missing" in backward.message


def test_a_default_may_be_left_out(tmp_path: Path) -> None:
    author = written(tmp_path, BEGIN + PARTS)
    exercise = load_exercise(author)
    assert "def double(x, times=1):" in exercise.start
    assert exercise.name == "doubling"
    right = "def double(x, times=1):\n    return x * 2.0**times\n"
    assert [v.message for v in verdicts(tmp_path, author, right)] == [""]
    (wrong,) = verdicts(tmp_path, author, right.replace("2.0**times", "2"))
    assert wrong.message.startswith("double(x, times) with x (2, 2) float64, times = 3\ncame ")


def test_a_tolerance_of_its_own(tmp_path: Path) -> None:
    near = "def double(x, times=1):\n    return x * 2.001**times\n"
    for tolerance, right in (("None", False), ("1e-4", False), ("0.01", True)):
        parts = f"parts = [reference_part(double, cases, tolerance={tolerance})]\n"
        (found,) = verdicts(tmp_path, written(tmp_path, BEGIN + parts), near)
        assert (found.message == "") == right, tolerance


SEVERAL = """
import numpy as np
from cnnlite.exercises import reference_part

def product_backward(dy, a: "Anything", b):
    \"\"\"Return da, db.\"\"\"
    return dy * b, dy * a

def cases(rng):
    yield {name: rng.standard_normal(4) for name in ("dy", "a", "b")}

parts = [
    reference_part(product_backward, cases, returns=("da", "db"), take=name,
                   mistakes={"it is a sum": lambda dy, a, b: dy})
    for name in ("da", "db")
]
"""


def test_several_results_are_parts(tmp_path: Path) -> None:
    author = written(tmp_path, SEVERAL)
    exercise = load_exercise(author)
    assert "def product_backward(dy, a, b):" in exercise.start
    assert exercise.start.count("def ") == 1
    assert exercise.start.endswith(
        "    # Part da.\n    da = None\n    # Part db.\n    db = None\n    return da, db\n"
    )
    assert [v.word for v in verdicts(tmp_path, author, exercise.start)] == ["to do", "to do"]
    half = "def product_backward(dy, a, b):\n    return dy * b, 1 * dy\n"
    da, db = verdicts(tmp_path, author, half)
    assert da.message == ""
    assert "likely: it is a sum" in db.message
    swapped = "def product_backward(dy, a, b):\n    return dy * a, dy * b\n"
    assert "the results are in another order" in verdicts(tmp_path, author, swapped)[0].message


def test_another_seed_has_other_numbers(tmp_path: Path) -> None:
    (part,) = load_exercise(written(tmp_path, BEGIN + PARTS)).parts
    one, other = (part.cases(np.random.default_rng(seed))[0].inputs["x"] for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_a_reference_that_changes_its_input_does_not_change_the_case(tmp_path: Path) -> None:
    author = written(
        tmp_path, BEGIN.replace("return x * 2.0**times", "x *= 2\n    return x") + PARTS
    )
    (found,) = verdicts(tmp_path, author, "def double(x, times=1):\n    return x * 2\n")
    assert found.message == ""


def test_loading_leaves_nothing_behind(tmp_path: Path) -> None:
    import sys

    written(tmp_path, "answer = 42\n", "neighbour_of_own.py")
    author = written(tmp_path, "import neighbour_of_own\n" + BEGIN + PARTS)
    path, modules = list(sys.path), set(sys.modules)
    load_exercise(author)
    sys.modules.pop("neighbour_of_own")
    assert sys.path == path
    assert set(sys.modules) == modules
    assert sorted(p.name for p in tmp_path.iterdir()) == ["doubling.py", "neighbour_of_own.py"]


def test_what_students_may_import(tmp_path: Path) -> None:
    author = written(tmp_path, BEGIN + PARTS + "allowed = ['numpy', 'torch']\n")
    student = written(tmp_path, "import torch, scipy\n", "student.py")
    exercise = load_exercise(author)
    (grade,) = Grading({}, exercise, seconds=60).grade_all([Submitted("s", student)])
    assert list(grade.flagged) == ["scipy"]
    assert "scipy" in grade.brief
    assert "has it ready" not in grade.verdicts[0].message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there are no parts: expected parts = [reference_part(...), ...]"),
        ("parts = []", "there are no parts"),
        ("parts = [3]", "parts has 3, expected what reference_part returns"),
        ("x = 1\n1 / 0", "raised ZeroDivisionError: division by zero in line 2"),
        ("def f(:\n", "raised SyntaxError: invalid syntax in line 1"),
        ("import nothing_of_this_name", "raised ModuleNotFoundError"),
        ("raise SystemExit", "raised SystemExit"),
        (BEGIN + "parts = 2 * [reference_part(double, cases)]", "two parts are called double"),
        (BEGIN + "parts = [reference_part(3, cases)]", "reference is 3, expected a function in li"),
        (BEGIN + "parts = [reference_part(double, 3)]", "part double: cases is 3, expected"),
        (BEGIN + "parts = [reference_part(double, cases, points=-1)]", "points is -1, expected"),
        (BEGIN + "parts = [reference_part(double, cases, points=True)]", "points is True"),
        (BEGIN + "parts = [reference_part(double, cases, tolerance=2)]", "tolerance is 2"),
        (BEGIN + "parts = [reference_part(double, cases, take='y')]", "take is 'y', expected one"),
        (BEGIN + "parts = [reference_part(double, lambda r: [])]", "part double: it has no cases"),
        (BEGIN + "parts = [reference_part(double, lambda r: [{'y': 1}])]",
         "cases gives y, which double does not take"),
        (BEGIN + "parts = [reference_part(double, lambda r: [3])]", "gives 3, expected a dict"),
        (BEGIN + "parts = [reference_part(double, lambda r: [{'x': r}])]",
         "x is a Generator, expected arrays, numbers"),
        (BEGIN + "parts = [reference_part(double, lambda r: [{'x': None}])]",
         "raised TypeError: unsupported operand type(s) for *: 'NoneType' and 'float' in line 7"),
        (BEGIN.replace("return x", "return None and x") + PARTS,
         "part double: the reference returns a NoneType, expected an array"),
        (BEGIN + "parts = [reference_part(double, cases, mistakes={'none': double})]",
         "the mistake 'none' gives what is right in every case"),
        (BEGIN.replace("times=1", "times=len('a')") + PARTS, "default len('a'), expected a plain"),
        (BEGIN + PARTS + "name = 'two words'", "name is 'two words', expected letters"),
        (BEGIN + PARTS + "allowed = 'numpy'", "allowed is 'numpy', expected names of packages"),
        (BEGIN + "d = double\ndel double\n" + PARTS.replace("(double", "(d"), ""),
        (BEGIN + "f = lambda x: x\nparts = [reference_part(f, lambda r: [{'x': 1.0}])]",
         "the file has no function <lambda>"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, text)
    if not said:
        assert load_exercise(file).parts
        return
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        load_exercise(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)
