"""The starting file of an exercise as a notebook: a cell for each function to write."""

from __future__ import annotations

import re

from cnnlite import notebooks
from cnnlite.exercises.parts import Exercise
from cnnlite.notebooks import Cell, code, markdown

__all__ = ["as_notebook", "notebook_name"]

_PART = re.compile(r"# Part ([\w-]+)\.")
CHECK = """\
## Check

Save the notebook, then run this cell: the check reads the file. With `--part NAME` behind it, one
part is checked. Cells run from top to bottom. Cells of your own are welcome: what they show does
not matter, and one that fails does not keep the others from being checked."""


def notebook_name(exercise: Exercise) -> str:
    """Return the name of the notebook of an exercise."""
    return f"{exercise.file.removesuffix('.py')}.ipynb"


def as_notebook(exercise: Exercise, start: str, file: str, option: str = "") -> str:
    """Return the notebook that a student begins with.

    Args:
        exercise: the exercise.
        start: the text of its starting file, whose first line names it.
        file: what the notebook is called, in the commands that check it.
        option: what these commands need besides.

    Raises:
        SyntaxError: the starting file is no Python.
    """
    name, _, rest = start.partition("\n")
    doc, parts = notebooks.blocks(rest)
    cells = [markdown(notebooks.as_markdown(doc.replace(exercise.file, file)))]
    imports = parts.pop(0) if parts and not _PART.search(parts[0]) else ""
    cells.append(code(f"{name}\n{imports}"))
    points = {part.name: part.points for part in exercise.parts}
    for part in parts:
        told = [name for name in _PART.findall(part) if name in points]
        if told:
            cells.append(markdown(_heading(told, sum(points[name] for name in told))))
        cells.append(code(part))
    return notebooks.to_json([*cells, *_check(file, option)])


def _heading(names: list[str], points: int) -> str:
    listed = ", ".join(f"`{name}`" for name in names)
    count = "1 point" if points == 1 else f"{points} points"
    return f"## {'Part' if len(names) == 1 else 'Parts'} {listed} ({count})"


def _check(file: str, option: str) -> list[Cell]:
    quoted = f'"{file}"' if " " in file else file
    command = f'!"{{sys.executable}}" -m cnnlite exercise check {quoted}{option}'
    return [markdown(CHECK), code(f"import sys\n\n{command}")]
