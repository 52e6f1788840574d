"""The notebooks: as their scripts make them, and run from top to bottom by Jupyter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlite import labs
from cnnlite.exercises import EXERCISES, as_notebook, notebook_name, starting_file
from cnnlite.notebooks import as_markdown, code, from_script, markdown, to_json
from tests.exercises.checked import SOLUTIONS

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NOTEBOOKS = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))
SLOW = pytest.mark.slow
QUICK = ("activations", "convolution", "descent")  # labs of some seconds
Execute = Callable[[str], Any]


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def shown(notebook: Any, kind: str = "text/html") -> str:
    return "\n".join(str(output.get("data", {}).get(kind, "")) for output in outputs(notebook))


@pytest.fixture
def execute(jupyter: Any, tmp_path: Path) -> Execute:
    """Run a notebook, given as text, in an empty folder; it is named there as it was written."""
    import nbformat

    def run(text: str, name: str = "notebook.ipynb") -> Any:
        (tmp_path / name).write_text(text, encoding="utf-8")
        notebook = nbformat.reads(text, 4)
        nbformat.validate(notebook)
        folder = {"metadata": {"path": str(tmp_path)}}
        jupyter.NotebookClient(notebook, timeout=3600, resources=folder).execute()
        told = [o for o in outputs(notebook) if o.get("name") == "stderr"]
        assert told == []
        return notebook

    return run


def test_there_are_two_and_each_is_as_its_script_makes_it() -> None:
    assert NOTEBOOKS == ["quickstart", "see"]
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "make_notebooks.py"), "--check"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_stored_without_outputs_and_with_names_of_cells_that_stay(name: str) -> None:
    cells = json.loads((EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [cell["id"] for cell in cells] == [f"cell-{k}" for k in range(1, len(cells) + 1)]
    for cell in cells:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            compile("".join(cell["source"]), name, "exec")


def test_a_script_is_cut_at_blank_lines_but_in_no_statement() -> None:
    script = (
        '"""Title.\n\nText with a*b and `a*b`.\n"""\n\n# Words,\n# two lines.\n\nx = (\n\n    1\n)'
        "  # fmt: skip\n# about y\ny = 2\n\n\n@decorated\ndef f():\n\n    return 3\n"
    )
    assert from_script(script) == [
        markdown("# Title\n\nText with a\\*b and `a*b`."),
        markdown("Words,\ntwo lines."),
        code("x = (\n\n    1\n)\n# about y\ny = 2"),
        code("@decorated\ndef f():\n\n    return 3"),
    ]


def test_what_markdown_would_change_is_protected() -> None:
    text = as_markdown("y = w*x*2.\n\n    a*b <c>\n\n<script> $x_1$ \\n")
    assert text == "# y = w\\*x\\*2\n\n    a*b <c>\n\n\\<script> \\$x\\_1\\$ \\\\n"


def test_a_notebook_is_valid_for_jupyter() -> None:
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.reads(to_json([markdown("a"), code("\n\nx = 1\n")]), 4))


def test_the_tour_shows_something_in_each_cell(execute: Execute) -> None:
    notebook = execute((EXAMPLES / "see.ipynb").read_text(encoding="utf-8"))
    silent = [c.source for c in notebook.cells if c.cell_type == "code" and not c.outputs]
    assert [source.split()[0] for source in silent] == ["from"]
    html = shown(notebook)
    for text in ("horizontal stripes", "11,690 parameters", "Conv2dCache", "gradients are right"):
        assert text in html, text
    assert '<progress value="120" max="120"' in html
    figures = [
        o for o in outputs(notebook) if "application/vnd.plotly.v1+json" in o.get("data", {})
    ]
    assert len(figures) == 11
    assert all(figure.data["application/vnd.plotly.v1+json"]["data"] for figure in figures)


@SLOW
def test_the_twenty_lines_of_the_readme_learn(execute: Execute) -> None:
    notebook = execute((EXAMPLES / "quickstart.ipynb").read_text(encoding="utf-8"))
    told = "".join(output.get("text", "") for output in outputs(notebook))
    assert float(told.rpartition("test accuracy ")[2].strip().rstrip("%")) > 50


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_checks_itself(execute: Execute, name: str) -> None:
    exercise = EXERCISES[name]
    file = notebook_name(exercise)
    solution = (SOLUTIONS / exercise.file).read_text(encoding="utf-8")
    for start, word in ((starting_file(name), "to do"), (solution, "right")):
        notebook = execute(as_notebook(exercise, start, file), file)  # type: ignore[call-arg]
        told = "".join(output.get("text", "") for output in outputs(notebook))
        assert f"{file}: {exercise.title}" in told
        assert word in told
        assert "Traceback" not in told


@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=SLOW) for n in labs.LABS if n != "replicate"],
)
def test_a_lab_holds(execute: Execute, name: str) -> None:
    lab = labs.load(name)
    html = shown(execute(labs.as_notebook(lab, labs.Settings())))
    assert "<td" in html
    assert ">NO<" not in html
    assert "data:image/png;base64" in html


@SLOW
def test_the_lab_against_pytorch_holds(execute: Execute, torch: Any) -> None:
    test_a_lab_holds(execute, "replicate")
