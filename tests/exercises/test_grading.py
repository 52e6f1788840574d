"""A class in a folder: everybody gets a grade, whatever the others hand in."""

import csv
import io
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from cnnlite.exercises import (
    EXERCISES,
    Grade,
    Grading,
    as_csv,
    as_json,
    find_submissions,
    for_gradescope,
)  # fmt: skip
from tests.exercises.checked import SOLUTIONS

RIGHT = (SOLUTIONS / "relu.py").read_text(encoding="utf-8")
WRONG = RIGHT.replace("x > 0", "x >= 0")
HEAD = "# cnnlite exercise: relu\n"


def fill(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def grades(folder: Path, **options: object) -> dict[str, Grade]:
    which = options.get("exercise")
    found = find_submissions(folder, which)  # type: ignore[arg-type]
    grading = Grading(EXERCISES, **options)  # type: ignore[arg-type]
    return {grade.submitted.name: grade for grade in grading.grade_all(found)}


class TestWhatIsFound:
    def test_files_and_folders(self, tmp_path: Path) -> None:
        fill(tmp_path, {
            "anna/relu.py": RIGHT, "bob/deep/er/my file.py": RIGHT, "carl.py": RIGHT,
            "dora/relu.py": RIGHT, "dora/helper.py": "x = 1", "empty/notes.txt": "", "read.me": "",
            "erik/relu.py": RIGHT, "erik/second/relu.py": WRONG, ".hidden.py": RIGHT,
            "__MACOSX/anna/relu.py": RIGHT, "anna/__pycache__/relu.py": RIGHT, "fay/other.py": "",
        })  # fmt: skip
        found = {each.name: each for each in find_submissions(tmp_path)}
        assert list(found) == [
            "anna", "bob", "carl.py", "dora", "empty", "erik/relu.py", "erik/second/relu.py", "fay",
        ]  # fmt: skip
        assert found["bob"].file == tmp_path / "bob/deep/er/my file.py"
        assert found["carl.py"].alone
        assert not found["dora"].alone
        assert found["empty"].problem == "has no Python file"
        assert found["fay"].problem == "none of its 1 files is of an exercise"

    def test_of_one_exercise_its_files_or_the_only_one(self, tmp_path: Path) -> None:
        fill(tmp_path, {
            "anna/relu.py": RIGHT, "anna/linear.py": "# cnnlite exercise: linear\n",
            "bob/whatever.py": "def relu_forward(x): pass", "carl/relu.py": "", "carl/b.py": "",
            "dora/a.py": "", "dora/b.py": "",
        })  # fmt: skip
        found = {each.name: each for each in find_submissions(tmp_path, EXERCISES["relu"])}
        files = {name: each.file and each.file.name for name, each in found.items()}
        assert files == {"anna": "relu.py", "bob": "whatever.py", "carl": "relu.py", "dora": None}

    @pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links")
    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        fill(tmp_path, {"outside/relu.py": RIGHT, "class/anna/x.txt": ""})
        (tmp_path / "class/anna/relu.py").symlink_to(tmp_path / "outside/relu.py")
        (tmp_path / "class/bob").symlink_to(tmp_path / "outside")
        (tmp_path / "class/carl.py").symlink_to(tmp_path / "outside/relu.py")
        found = grades(tmp_path / "class")
        assert {name: grade.brief for name, grade in found.items()} == {
            "anna": "has no Python file",
            **dict.fromkeys(("bob", "carl.py"), "is a link, which is not followed"),
        }


HOSTILE = {
    "loop": (HEAD + "while True: pass\n", "all parts: a loop that never ends?"),
    "fork": (HEAD + "import os\nwhile True: os.fork()\n", "cannot be loaded"),
    "exit": (HEAD + "import os\nos._exit(0)\n", "os._exit() or exit() has no place"),
    "keeper": (HEAD + "import os\nos.kill(os.getppid(), 9)\nimport time\ntime.sleep(99)\n", ""),
    "memory": (RIGHT.replace("np.maximum(x, 0)", "bytearray(2**40)"), "MB of memory are asked for"),
    "nested": (HEAD + "x = " + "-" * 200_000 + "1\n", "cannot be loaded"),
    "zeros": (HEAD + "x = '\0'\n", "null bytes"),
    "outside": (HEAD + "open('/outside.txt', 'w')\n", "may change its own folder only"),
    "steering": (HEAD + "raise ValueError('\\x1b[2J\\n' * 9)\n", "raised ValueError"),
}


def test_hostile_files_cost_only_themselves(tmp_path: Path) -> None:
    fill(tmp_path, {f"{name}/relu.py": text for name, (text, _) in HOSTILE.items()})
    fill(tmp_path, {f"student{k}/relu.py": (RIGHT, WRONG)[k % 2] for k in range(4)})
    found = grades(tmp_path, jobs=3, seconds=5)
    for name, (_, said) in HOSTILE.items():
        assert found[name].brief.isprintable()
        assert not found[name].right
        assert said in found[name].brief + found[name].verdicts[0].message, name
    assert [found[f"student{k}"].points for k in range(4)] == [5, 2, 5, 2]
    assert found["student1"].brief == "backward: the gradient also flows where x is exactly 0"


def test_a_file_that_changes_the_others_comes_too_late(tmp_path: Path) -> None:
    spoil = (
        f"import glob\nfor f in glob.glob({str(tmp_path)!r} + '/*.py'):\n"
        "  try: open(f, 'w').close()\n  except PermissionError: pass\n"
    )
    fill(tmp_path, {"a.py": RIGHT + spoil, "b.py": RIGHT, "c.py": RIGHT})
    assert [grade.points for grade in grades(tmp_path).values()] == [5, 5, 5]


def test_nobody_imports_somebody_elses_file(tmp_path: Path) -> None:
    thief = HEAD + "from a import *\n"
    found = grades(fill(tmp_path, {"a.py": RIGHT, "thief.py": thief}))
    assert found["a.py"].right
    assert "No module named 'a'" in found["thief.py"].verdicts[0].message
    found = grades(fill(tmp_path / "own", {"x/a.py": RIGHT.replace(HEAD, ""), "x/relu.py": thief}))
    assert found["x"].right


def test_the_order_does_not_depend_on_who_is_through_first(tmp_path: Path) -> None:
    slow = "import time\ntime.sleep(0.5)\n"
    files = {f"{k}.py": RIGHT + (slow if k < 3 else "") for k in range(6)}
    told: list[int] = []
    found = find_submissions(fill(tmp_path, files))
    done = Grading(EXERCISES, jobs=6).grade_all(found, told.append)
    assert [grade.submitted.name for grade in done] == sorted(files)
    assert told == [1, 2, 3, 4, 5, 6]


def test_an_interruption_ends_what_is_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    files = {"a.py": RIGHT, "b.py": HEAD + "while True: pass\n", "c.py": RIGHT}

    def interrupted(count: int) -> None:
        raise KeyboardInterrupt

    found = find_submissions(fill(tmp_path / "class", files))
    with pytest.raises(KeyboardInterrupt):
        Grading(EXERCISES, seconds=3600, jobs=2).grade_all(found, interrupted)
    assert list(scratch.iterdir()) == []


def test_an_exercise_that_is_asked_for(tmp_path: Path) -> None:
    files = {"a.py": RIGHT.replace(HEAD, ""), "b.py": "# cnnlite exercise: linear\n"}
    found = grades(fill(tmp_path, files), exercise=EXERCISES["relu"])
    assert found["a.py"].right
    assert found["b.py"].brief == "is of the exercise linear, not of relu"
    assert grades(tmp_path)["a.py"].brief == "does not say which exercise it is"


def test_one_call_of_several_results_is_made_once(tmp_path: Path) -> None:
    """An endless backward once took the time limit for each of its gradients."""
    text = (SOLUTIONS / "linear.py").read_text(encoding="utf-8")
    cases = EXERCISES["linear"].parts[1].cases(np.random.default_rng(0))
    for most, right in ((len(cases), True), (len(cases) - 1, False)):
        head = "def linear_backward(dy, x, w):\n"
        count = f"    calls.append(dy)\n    assert len(calls) <= {most}\n"
        counted = text.replace(head, f"calls = []\n{head}{count}")
        assert count in counted
        assert grades(fill(tmp_path, {"a.py": counted}))["a.py"].right == right


class TestImports:
    def of(self, folder: Path, text: str, name: str = "relu") -> Grade:
        fill(folder, {f"s/{name}.py": f"# cnnlite exercise: {name}\n{text}"})
        return grades(folder, seconds=20)["s"]

    @pytest.mark.parametrize(
        ("text", "imports", "flagged"),
        [
            ("import numpy as np, os.path", "numpy os", ""),
            ("from numpy.lib import stride_tricks\nimport math", "math numpy", ""),
            ("import torch.nn as nn", "torch", "torch"),
            ("try:\n    from tensorflow import nn\nexcept ImportError:\n    pass", "tensorflow",
             "tensorflow"),
            ("if 0: import jax", "jax", "jax"),
            ("x = 1; import cnnlite", "cnnlite", "cnnlite"),
            ("if 0:\n    t = __import__('torch')", "torch", "torch"),
            ("import importlib\nif 0:\n    importlib.import_module(\"keras.ops\")",
             "importlib keras", "keras"),
            ("def f():\n    import scipy.signal\n", "scipy", "scipy"),
            ("'''import torch'''\n# import jax\nimportant = 'import torch'", "", ""),
            ("from (", "", ""),
            ("import torch\nx = (", "torch", "torch"),
        ],
    )  # fmt: skip
    def test_are_found_without_running(
        self, tmp_path: Path, text: str, imports: str, flagged: str
    ) -> None:
        grade = self.of(tmp_path, text)
        assert " ".join(grade.imports) == imports
        assert " ".join(grade.flagged) == flagged
        assert ("imports " + flagged in grade.brief) == bool(flagged)

    def test_of_neighbours_too(self, tmp_path: Path) -> None:
        fill(tmp_path, {"s/helper.py": "try:\n    import torch\nexcept ImportError:\n    pass\n"})
        grade = self.of(tmp_path, RIGHT + "import helper\n")
        assert (list(grade.imports), list(grade.flagged)) == (["numpy", "torch"], ["torch"])
        assert grade.right
        assert grade.brief == "imports torch"

    def test_a_neighbour_with_a_librarys_name_is_flagged(self, tmp_path: Path) -> None:
        fill(tmp_path, {"s/torch.py": ""})
        assert list(self.of(tmp_path, "import torch\n").flagged) == ["torch"]


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> list[Grade]:
    files = {"=1+1.py": RIGHT, "a.py": WRONG, "b.py": "", "new\nline.py": RIGHT + "import torch"}
    return list(grades(fill(tmp_path_factory.mktemp("class"), files)).values())


class TestReports:
    def test_json(self, some: list[Grade]) -> None:
        report = json.loads(as_json(some, 7))
        assert report["seed"] == 7
        first, wrong, unknown, torch = report["submissions"]
        assert (first["submission"], first["points"], first["max_points"]) == ("=1+1.py", 5, 5)
        assert [part["result"] for part in wrong["parts"]] == ["right", "wrong"]
        assert "likely: the gradient also flows" in wrong["parts"][1]["message"]
        assert unknown["exercise"] is None
        assert "does not say which exercise" in unknown["problem"]
        assert (torch["imports"], torch["flagged"]) == (["numpy", "torch"], ["torch"])

    def test_csv_is_no_formula_and_one_line_each(self, some: list[Grade]) -> None:
        rows = list(csv.DictReader(io.StringIO(as_csv(some))))
        assert [row["submission"] for row in rows] == ["'=1+1.py", "a.py", "b.py", "new?line.py"]
        assert [row["points"] for row in rows] == ["5", "2", "0", "0"]
        assert [row["parts_passed"] for row in rows] == ["2", "1", "0", "0"]
        assert rows[3]["flagged"] == "torch"

    def test_gradescope(self, some: list[Grade]) -> None:
        result = for_gradescope(some[1])
        assert result["score"] == 2
        assert result["output"] == "imports: numpy"
        forward, backward = result["tests"]
        assert forward == {
            "name": "forward", "score": 2, "max_score": 2, "status": "passed", "output": "right",
        }  # fmt: skip
        assert (backward["score"], backward["max_score"], backward["status"]) == (0, 3, "failed")
        assert "likely: the gradient" in backward["output"]
        none = for_gradescope(some[2])
        assert (none["score"], none["tests"]) == (0, [])
        assert none["output"] == "does not say which exercise it is"
