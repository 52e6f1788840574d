"""Exercises as notebooks: the same parts, the same check, the same verdicts."""

import json
from pathlib import Path
from typing import Any

import pytest

from cnnlite.exercises import (
    EXERCISES,
    Grading,
    as_notebook,
    check,
    find_submissions,
    load_exercise,
    notebook_name,
    starting_file,
    template_notebook,
)  # fmt: skip
from tests.exercises.checked import SOLUTIONS, Here
from tests.isolated.test_cells import notebook

RIGHT = (SOLUTIONS / "relu.py").read_text(encoding="utf-8")
HEAD = "# cnnlite exercise: relu\nimport numpy as np\n"
FORWARD = "def relu_forward(x):\n    return np.maximum(x, 0)\n"
BACKWARD = "def relu_backward(dy, x):\n    return dy * (x > 0)\n"


def verdicts(name: str, file: Path) -> dict[str, str]:
    return {v.part.name: v.word for v in check(EXERCISES[name], file, start=Here)}


def written(folder: Path, *sources: Any) -> Path:
    file = folder / "mine.ipynb"
    file.write_bytes(notebook(*sources))
    return file


@pytest.mark.parametrize("name", EXERCISES)
def test_the_starting_notebook_is_the_starting_file(tmp_path: Path, name: str) -> None:
    exercise = EXERCISES[name]
    made = as_notebook(exercise, starting_file(name), notebook_name(exercise))
    file, script = tmp_path / notebook_name(exercise), tmp_path / exercise.file
    file.write_text(made, encoding="utf-8")
    script.write_text(starting_file(name), encoding="utf-8")
    assert verdicts(name, file) == verdicts(name, script)
    cells = json.loads(made)["cells"]
    headings = [c["source"][0] for c in cells if c["cell_type"] == "markdown"]
    for part in exercise.parts:
        assert any(f"`{part.name}`" in heading for heading in headings), part.name
    assert f"exercise check {file.name}" in made
    assert exercise.file not in made
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.reads(made, 4))


@pytest.mark.parametrize("name", EXERCISES)
def test_a_solution_in_cells_is_right(tmp_path: Path, name: str) -> None:
    text = (SOLUTIONS / EXERCISES[name].file).read_text(encoding="utf-8")
    file = tmp_path / "solution.ipynb"
    file.write_text(as_notebook(EXERCISES[name], text, file.name), encoding="utf-8")
    assert set(verdicts(name, file).values()) == {"right"}


TRIES = {
    "a magic": "%matplotlib inline\n!ls",
    "a display": "relu_forward(np.ones(3))",
    "display itself": "from IPython.display import display, Markdown\ndisplay(Markdown('a'))",
    "an exception": "relu_forward(np.ones(3)).no_such_thing",
    "a syntax error": "relu_forward(",
    "a failed assertion": "assert relu_forward(3) == 4",
    "an exit": "raise SystemExit(1)",
    "nothing": "",
    "another language": "%%bash\nexit 1",
    "a name that is not there": "plt.plot([1, 2])",
}


def test_what_one_tries_out_between_the_parts_does_not_matter(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD, FORWARD, *TRIES.values(), BACKWARD)
    assert set(verdicts("relu", file).values()) == {"right"}


def test_a_part_in_a_cell_that_fails_is_told_with_cell_and_line(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD, "%%time\n" + FORWARD, "x = 1\nx.upper()\n" + BACKWARD)
    forward, backward = check(EXERCISES["relu"], file, start=Here)
    assert forward.points == 2
    assert backward.message.splitlines() == [
        "the file has no function relu_backward any more; the starting file has it",
        "raised AttributeError: 'int' object has no attribute 'upper' in cell 3, line 2: x.upper()",
    ]
    file = written(tmp_path, HEAD, "def relu_forward(x)\n    return 1")
    (told, _) = check(EXERCISES["relu"], file, start=Here)
    assert "raised SyntaxError: expected ':' in cell 2, line 1: def relu_forward(x)" in told.message
    file = written(tmp_path, HEAD, "\n\n" + FORWARD.replace("np.", "npy."))
    (told, _) = check(EXERCISES["relu"], file, start=Here)
    assert "'npy' is not defined in cell 2, line 4: return npy.maximum(x, 0)" in told.message


def test_hostile_cells_cost_only_their_own_notebook(tmp_path: Path) -> None:
    """In processes of their own, with files of Python beside them."""
    files = {
        "anna/relu.ipynb": notebook(HEAD, FORWARD, BACKWARD),
        "bob/relu.py": RIGHT.encode(),
        "exit.ipynb": notebook(HEAD, "import os\nos._exit(0)", FORWARD, BACKWARD),
        "kill.ipynb": notebook(HEAD, "import os\nos.kill(os.getpid(), 9)"),
        "loop.ipynb": notebook(HEAD, FORWARD, "while True: pass", BACKWARD),
        "broken.ipynb": b"{",
        "old.ipynb": notebook(nbformat=3, worksheets=[]),
        "carl/torch.ipynb": notebook(HEAD, "x = (", "import torch", FORWARD, BACKWARD),
        "carl/.ipynb_checkpoints/torch.ipynb": notebook(HEAD, FORWARD),
        "dora/relu.ipynb": notebook("print('no name')"),
        "shell.ipynb": notebook(HEAD, f"!touch {tmp_path}/touched", FORWARD, BACKWARD),
    }
    for name, content in files.items():
        path = tmp_path / "class" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    grading = Grading(EXERCISES, jobs=4, seconds=5)
    found = grading.grade_all(find_submissions(tmp_path / "class"))
    grades = {grade.submitted.name: grade for grade in found}
    assert {name: grade.points for name, grade in grades.items() if not grade.problem} == {
        "anna": 5, "bob": 5, "carl": 5, "exit.ipynb": 0, "kill.ipynb": 0, "loop.ipynb": 0,
        "shell.ipynb": 5,
    }  # fmt: skip
    assert "it is not JSON" in grades["broken.ipynb"].problem
    assert "nbformat 3, expected 4" in grades["old.ipynb"].problem
    assert grades["carl"].flagged == ["torch"]
    assert "not through after 5 seconds" in grades["loop.ipynb"].verdicts[0].message
    assert grades["dora"].problem == "none of its 1 files is of an exercise"
    assert not (tmp_path / "touched").exists()


def test_an_exercise_of_ones_own_as_a_notebook(tmp_path: Path) -> None:
    file = tmp_path / "mean.ipynb"
    file.write_text(template_notebook("mean", file.name), encoding="utf-8")
    own = load_exercise(file)
    assert (own.name, own.title) == ("mean", "The moving average of a signal")
    start = tmp_path / notebook_name(own)
    start.write_text(as_notebook(own, own.start, start.name), encoding="utf-8")
    assert [v.word for v in check(own, start, start=Here)] == ["to do", "to do"]
    whole = json.loads(file.read_text(encoding="utf-8"))
    whole["cells"][-1]["source"] = ["# one\n", "parts = [1 / 0]"]
    file.write_text(json.dumps(whole), encoding="utf-8")
    codes = sum(cell["cell_type"] == "code" for cell in whole["cells"])
    with pytest.raises(ValueError, match=f"ZeroDivisionError: .* in cell {codes}, line 2"):
        load_exercise(file)
