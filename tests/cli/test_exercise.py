"""`cnnlite exercise`: lists, writes, checks, refuses."""

import importlib
import json
import keyword
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlite.exercises import EXERCISES, starting_file

Cli = Callable[..., Any]
SOLUTIONS = Path(__file__).parents[1] / "exercises" / "solutions"
RELU = (SOLUTIONS / "relu.py").read_text(encoding="utf-8")


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_lists_every_exercise(cli: Cli) -> None:
    outcome = cli("exercise")
    assert outcome.status == 0
    listed = {line.split()[0] for line in outcome.out.splitlines() if line[:1].strip()}
    assert set(EXERCISES) <= listed


def test_writes_a_starting_file_and_never_over_another(cli: Cli) -> None:
    assert cli("exercise", "relu").status == 0
    assert Path("relu.py").read_text(encoding="utf-8") == starting_file("relu")
    Path("relu.py").write_text("hours of work")
    assert "relu.py is there already" in cli("exercise", "relu").complaint
    assert Path("relu.py").read_text() == "hours of work"
    assert cli("exercise", "relu", "--out", "new/mine.py").status == 0
    assert Path("new/mine.py").exists()


def test_writes_all(cli: Cli) -> None:
    assert cli("exercise", "all", "--out", "lab").status == 0
    assert {path.name for path in Path("lab").iterdir()} == {e.file for e in EXERCISES.values()}


def test_a_starting_file_is_wrong_kindly(cli: Cli) -> None:
    cli("exercise", "linear")
    outcome = cli("exercise", "check", "linear.py", "--part", "dx")
    assert outcome.status == 1
    assert rows(outcome.out)[3:5] == ["dx to do 0/2", "total 0/2"]
    assert "dx is None: not filled in yet" in outcome.out
    assert "Traceback" not in outcome.out + outcome.err


def test_a_right_solution(cli: Cli) -> None:
    outcome = cli("exercise", "check", SOLUTIONS / "relu.py", "--seed", "5")
    assert outcome.status == 0
    assert rows(outcome.out)[3:] == ["forward right 2/2", "backward right 3/3", "total 5/5"]


def test_one_wrong_part_or_one_wrong_file_is_wrong(cli: Cli) -> None:
    text = (SOLUTIONS / "relu.py").read_text(encoding="utf-8").replace("(x > 0)", "(x < 0)")
    Path("mine.py").write_text(text)
    outcome = cli("exercise", "check", "mine.py")
    assert outcome.status == 1
    assert rows(outcome.out)[3:6] == ["forward right 2/2", "backward wrong 0/3", "total 2/5"]
    assert "likely: it flows where x is negative" in outcome.out
    assert cli("exercise", "check", "mine.py", "--part", "forward").status == 0
    assert cli("exercise", "check", SOLUTIONS / "relu.py", "mine.py").status == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["convolutoin"], "no exercise convolutoin; did you mean convolution?"),
        (["check"], "check needs a file"),
        (["check", "no.py"], "no.py: No such file"),
        (["check", "empty"], "empty has no submissions: expected Python files, or a folder"),
        (["check", "other.py"], "other.py does not say which exercise it is"),
        (["check", "relu.py", "--part", "foward"], "no part foward; did you mean forward?"),
        (["check", "relu.py", "--seconds", "0"], "--seconds"),
        (["check", "relu.py", "--seconds", "nan"], "--seconds is nan, expected at most 86400"),
        (["check", "relu.py", "--seconds", "inf"], "--seconds is inf, expected at most 86400"),
        (["check", "relu.py", "--out", "x"], "--out goes with the name of an exercise"),
        (["relu", "relu.py"], "FILE goes with check"),
        (["relu", "--part", "forward"], "--part goes with check"),
        (["relu", "--out", "relu.py/x.py"], "relu.py"),
    ],
)
def test_what_is_wrong_is_one_line(cli: Cli, arguments: list[str], line: str) -> None:
    cli("exercise", "relu")
    Path("other.py").write_text("# cnnlite exercise: knitting\n")
    Path("empty").mkdir()
    assert line in cli("exercise", *arguments).complaint


def summary(out: str) -> dict[str, str]:
    """The table at the end: points by file."""
    lines = rows(out.rpartition("\n\n")[2])
    assert lines[0] == "file exercise points"
    return {line.split()[0]: line.partition(" ")[2] for line in lines[1:]}


def test_what_cannot_be_checked_does_not_keep_the_others_from_it(cli: Cli) -> None:
    Path("right.py").write_text(RELU)
    Path("wrong.py").write_text(RELU.replace("x > 0", "x < 0"))
    Path("folder.py").mkdir()
    Path("loop.py").symlink_to("loop.py")
    Path("empty.py").write_text("")
    Path("knitting.py").write_text("# cnnlite exercise: knitting\n")
    Path("large.py").write_text(RELU + "#" * 2**20)
    bad = ["folder.py", "loop.py", "empty.py", "knitting.py", "gone.py", "large.py"]
    outcome = cli("exercise", "check", bad[0], "right.py", *bad[1:], "wrong.py", "right.py")
    assert outcome.status == 2
    assert "right.py: ReLU" in outcome.out
    assert "likely: it flows where x is negative" in outcome.out
    assert summary(outcome.out) == {
        "folder.py": "not checked", "right.py": "relu 5/5", **dict.fromkeys(bad, "not checked"),
        "wrong.py": "relu 2/5",
    }  # fmt: skip
    said = outcome.err.splitlines()
    assert len(said) == len(bad)
    for name, line in zip(bad, said, strict=True):
        assert line.startswith("cnnlite exercise: ")
        assert name in line


def test_a_pipe_is_not_waited_for(cli: Cli) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes")
    os.mkfifo("pipe.py")
    assert "pipe.py is no regular file" in cli("exercise", "check", "pipe.py").complaint


def test_a_part_that_one_file_lacks_is_checked_in_the_others(cli: Cli) -> None:
    cli("exercise", "linear")
    Path("mine.py").write_text(RELU)
    outcome = cli("exercise", "check", "mine.py", "linear.py", "--part", "backward")
    assert outcome.status == 2
    assert "linear.py: no part backward" in outcome.err
    assert summary(outcome.out) == {"mine.py": "relu 3/3", "linear.py": "not checked"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0\n", "all parts: the file cannot be loaded: raised ZeroDivisionError"),
        ("def f(:\n", "all parts: the file cannot be loaded: raised SyntaxError"),
        ("import torch\n", "all parts: the file cannot be loaded: raised ImportError"),
        ("import os; os._exit(0)\n", "all parts: the file cannot be loaded: the process was over"),
        ("exit()\n", "all parts: the file cannot be loaded: the file leaves Python"),
    ],
)
def test_what_keeps_a_file_from_being_loaded_is_said_once(cli: Cli, text: str, said: str) -> None:
    Path("mine.py").write_text("# cnnlite exercise: tape\n" + text)
    outcome = cli("exercise", "check", "mine.py")
    assert outcome.status == 1
    assert outcome.out.count("cannot be loaded") == 1
    assert said in outcome.out
    assert "total 0/12" in rows(outcome.out)


def test_a_file_in_another_encoding_gets_nothing(cli: Cli) -> None:
    """Python refuses a byte that is not UTF-8 even in a comment; compile() of bytes does not."""
    Path("mine.py").write_bytes(RELU.encode() + b"# caf\xe9\n")
    outcome = cli("exercise", "check", "mine.py")
    assert outcome.status == 1
    assert "total 0/5" in rows(outcome.out)
    assert "not written in UTF-8: save the file in UTF-8" in outcome.out


def test_a_file_in_utf16_is_told_from_one_without_an_exercise(cli: Cli) -> None:
    Path("mine.py").write_text(RELU, encoding="utf-16")
    assert "save the file in UTF-8" in cli("exercise", "check", "mine.py").out


def test_an_annotation_that_python_cannot_evaluate_gets_nothing(cli: Cli) -> None:
    """The checker's own __future__ import does not hold in the student's file."""
    Path("mine.py").write_text(RELU.replace("(x)", "(x: array)"))
    outcome = cli("exercise", "check", "mine.py")
    assert outcome.status == 1
    assert "name 'array' is not defined in line 5" in outcome.out


def test_a_submission_finds_nothing_of_the_one_before(cli: Cli) -> None:
    """Nor does it leave anything where the checker runs, or beside itself."""
    Path("class").mkdir()
    leave = (
        "import os, pathlib, tempfile\n"
        "folders = '.', os.path.dirname(__file__), tempfile.gettempdir(), pathlib.Path.home()\n"
        "for folder in folders:\n"
        "    path = os.path.join(folder, 'left')\n"
        "    if os.path.exists(path): raise RuntimeError('somebody was here')\n"
        "for folder in folders:\n"
        "    open(os.path.join(folder, 'left'), 'w').write('x')\n"
    )
    for name in "abc":
        Path(f"class/{name}.py").write_text(RELU + leave)
    outcome = cli("exercise", "check", "class/a.py", "class/b.py", "class/c.py")
    assert outcome.status == 0, outcome.out
    assert sorted(path.name for path in Path().rglob("*")) == ["a.py", "b.py", "c.py", "class"]


def test_a_name_of_any_kind_is_checked_and_printed_on_one_line(cli: Cli) -> None:
    odd = "two words.py", "it's.py", "new\nline.py", "esc\x1b[2J.py", "random.py", "numpy.py"
    for name in odd:
        Path(name).write_text(RELU)
        outcome = cli("exercise", "check", name)
        assert outcome.status == 0, outcome
        assert "\x1b" not in outcome.out
        assert outcome.out.splitlines()[0].endswith(": ReLU, forward and backward")


@pytest.mark.parametrize("name", EXERCISES)
def test_each_starting_file_can_be_imported(
    cli: Cli, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("exercise", name).status == 0
    (file,) = Path().iterdir()
    assert file.stem.isidentifier()
    assert not keyword.iskeyword(file.stem)
    assert file.stem not in sys.stdlib_module_names
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.delitem(sys.modules, file.stem, raising=False)
    module = importlib.import_module(file.stem)
    assert Path(module.__file__ or "").parent == Path.cwd()
    del sys.modules[file.stem]
    assert f"cnnlite exercise check {file.name}\n" in file.read_text()
    outcome = cli("exercise", "check", file.name)
    assert outcome.status == 1
    assert f"total 0/{EXERCISES[name].points}" in rows(outcome.out)


def test_a_name_with_underscores_is_understood(cli: Cli) -> None:
    assert cli("exercise", "batch_norm").status == 0
    assert Path("batch_norm.py").exists()


class TestAClass:
    """A folder is one table, and reports in files."""

    @pytest.fixture
    def in_class(self, cli: Cli) -> Cli:
        for name, text in (
            ("anna/relu.py", RELU), ("bob/relu.py", RELU.replace("x > 0", "x >= 0")),
            ("carl.py", "# cnnlite exercise: relu\nimport torch\n"),
        ):  # fmt: skip
            path = Path("class", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return cli

    def test_is_one_table(self, in_class: Cli) -> None:
        outcome = in_class("exercise", "check", "class", "-j", "2")
        assert outcome.status == 1
        assert rows(outcome.out)[:3] == [
            "submission parts points imports what went wrong",
            "anna 2/2 5/5 numpy",
            "bob 1/2 2/5 numpy backward: the gradient also flows where x is exactly 0",
        ]
        assert rows(outcome.out)[3].startswith("carl.py 0/2 0/5 torch imports torch; all parts: ")
        assert outcome.out.splitlines()[-1] == "3 submissions: 1 right, 2 not"
        assert outcome.err == ""

    def test_reports(self, in_class: Cli) -> None:
        given = "--json", "out/a.json", "--csv", "out/a.csv", "--gradescope", "scope"
        assert in_class("exercise", "check", "class", *given).status == 1
        report = json.loads(Path("out/a.json").read_text())
        assert [each["points"] for each in report["submissions"]] == [5, 2, 0]
        assert Path("out/a.csv").read_text().splitlines()[1] == "anna,relu,2,2,5,5,numpy,,"
        files = {path.name: json.loads(path.read_text()) for path in Path("scope").iterdir()}
        assert {name: file["score"] for name, file in files.items()} == {
            "anna.json": 5, "bob.json": 2, "carl.py.json": 0,
        }  # fmt: skip

    def test_gradescopes_report_of_one_and_of_several_in_a_file(self, in_class: Cli) -> None:
        file = "class/bob/relu.py"
        assert in_class("exercise", "check", file, "--gradescope", "results.json").status == 1
        assert json.loads(Path("results.json").read_text())["score"] == 2
        in_class("exercise", "check", "class", "--gradescope", "results.json", "--seed", "3")
        found = json.loads(Path("results.json").read_text())
        assert {name: each["score"] for name, each in found.items()} == {
            "anna": 5, "bob": 2, "carl.py": 0,
        }  # fmt: skip

    def test_a_report_stays_in_its_folder(self, in_class: Cli) -> None:
        Path("scope").mkdir()
        files = Path("class/../class/anna/relu.py"), Path("class/bob/relu.py").resolve()
        for file in files:
            in_class("exercise", "check", file, "--gradescope", "scope")
        assert len(list(Path("scope").rglob("*.json"))) == 2
        assert not list(Path("class").rglob("*.json"))

    def test_what_cannot_be_checked_is_a_line_of_the_table(self, in_class: Cli) -> None:
        Path("class/dora.py").write_text("")
        Path("class/empty").mkdir()
        outcome = in_class("exercise", "check", "class")
        assert outcome.status == 2
        assert rows(outcome.out)[4:6] == [
            "dora.py - - does not say which exercise it is", "empty - - has no Python file",
        ]  # fmt: skip
        assert outcome.out.splitlines()[-1] == "5 submissions: 1 right, 2 not, 2 not checked"

    def test_several_folders_and_exercises(self, in_class: Cli) -> None:
        text = (SOLUTIONS / "linear.py").read_text()
        Path("second").mkdir()
        Path("second/anna.py").write_text(text)
        outcome = in_class("exercise", "check", "class", "second")
        assert "second/anna.py linear 4/4" in "\n".join(rows(outcome.out))

    def test_a_name_that_steers_the_terminal(self, cli: Cli) -> None:
        Path("class/e\x1b[2J\n").mkdir(parents=True)
        Path("class/e\x1b[2J\n/relu.py").write_text(RELU)
        outcome = cli("exercise", "check", "class", "--gradescope", "scope")
        assert outcome.status == 0
        assert "\x1b" not in outcome.out
        assert rows(outcome.out)[1].startswith("e?[2J? 2/2")

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (["--json", "class/carl.py"], "--json class/carl.py would write over a submission"),
            (["--csv", "class"], "--csv class is a folder, expected a file"),
            (["--json", "class/carl.py/x.json"], "class/carl.py"),
            (["--jobs", "0"], "--jobs"),
            (["--exercise", "rleu"], "--exercise: no exercise rleu; did you mean relu?"),
            (["--exercise", "none.py"], "none.py: No such file"),
            (["--exercise", "class/carl.py"], "class/carl.py: raised"),
        ],
    )
    def test_what_is_wrong_is_told_before_any_work(
        self, in_class: Cli, arguments: list[str], line: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cnnlite.exercises.grading.start_child", None)
        monkeypatch.setitem(sys.modules, "torch", None)
        assert line in in_class("exercise", "check", "class", *arguments).complaint


class TestOnesOwn:
    def test_from_the_template_to_a_grade(self, cli: Cli) -> None:
        assert cli("exercise", "make", "my_exercise").status == 0
        listed = cli("exercise", "list", "my_exercise.py")
        assert "my-exercise The moving average of a signal 2 5" in rows(listed.out)
        assert cli("exercise", "my_exercise.py").status == 0
        outcome = cli("exercise", "check", "my_exercise_start.py", "--exercise", "my_exercise.py")
        assert outcome.status == 1
        assert "total 0/5" in rows(outcome.out)
        right = Path("my_exercise.py").read_text().partition("# The calls")[0]
        right = right.replace("from cnnlite.exercises import reference_part\n", "")
        Path("class").mkdir()
        Path("class/right.py").write_text(right)
        outcome = cli("exercise", "check", "class", "--exercise", "my_exercise.py", "-j", "2")
        assert outcome.status == 0
        assert rows(outcome.out)[1] == "right.py 2/2 5/5 numpy"

    def test_nothing_is_written_over(self, cli: Cli) -> None:
        cli("exercise", "make", "mine", "--out", "deep/author.py")
        assert (
            "deep/author.py is there already"
            in cli("exercise", "make", "mine", "--out", "deep/author.py").complaint
        )
        cli("exercise", "deep/author.py", "--out", "mine.py")
        assert (
            "mine.py is there already"
            in cli("exercise", "deep/author.py", "--out", "mine.py").complaint
        )

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (["make"], "make needs one name"),
            (["make", "a", "b"], "make needs one name"),
            (["make", "two words"], "two words is no name: expected letters, digits and hyphens"),
            (["make", "im2col"], "there is an exercise im2col already"),
            (["gone.py"], "gone.py: No such file"),
            (
                ["relu.py"],
                "relu.py: there are no parts: expected parts = [reference_part(...), ...",
            ),
            (["list", "gone.py"], "gone.py: No such file"),
            (["relu", "--exercise", "linear"], "--exercise goes with check"),
            (["list", "--json", "x"], "--json goes with check"),
            (["relu", "-j", "2"], "--jobs goes with check"),
        ],
    )
    def test_what_is_wrong_is_one_line(self, cli: Cli, arguments: list[str], line: str) -> None:
        Path("relu.py").write_text("x = 1\n")
        assert line in cli("exercise", *arguments).complaint
