"""Notebooks as text, written without Jupyter: the same cells give the same bytes.

`cnnlite.isolated.cells` reads those of other people.
"""

import ast
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["Cell", "as_markdown", "blocks", "code", "from_script", "markdown", "to_json"]

_SPECIAL = re.compile(r"([\\*_$<])")  # what Markdown does not leave alone
_FOR_LINTERS = re.compile(r" +# (?:fmt|noqa|type|ruff):?\b.*$", re.M)
_INDENT = "    "


class Cell(NamedTuple):
    """A cell: its kind, "code" or "markdown", and its text."""

    kind: str
    text: str


def code(text: str) -> Cell:
    """Return a cell with Python in it."""
    return Cell("code", text)


def markdown(text: str) -> Cell:
    """Return a cell to be read."""
    return Cell("markdown", text)


def to_json(cells: Iterable[Cell]) -> str:
    """Return a notebook of format 4.5 without outputs.  Cells are named by their place."""
    written = []
    for number, (kind, text) in enumerate(cells, 1):
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": f"cell-{number}",
            "metadata": {},
            "source": text.strip("\n").splitlines(keepends=True),
        }
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        written.append(cell)
    notebook = {
        "cells": written,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def from_script(text: str) -> list[Cell]:
    """Return the cells of a Python file.

    The docstring is a heading and what follows it.  Blank lines between statements separate cells;
    comments that stand alone between them are cells to be read, in Markdown.

    Raises:
        SyntaxError: it is no Python.
    """
    doc, parts = blocks(text)
    cells = [markdown(as_markdown(doc))] if doc else []
    for part in parts:
        lines = part.splitlines()
        if all(line.startswith("#") for line in lines):
            cells.append(markdown("\n".join(line[1:].removeprefix(" ") for line in lines)))
        else:
            cells.append(code(_FOR_LINTERS.sub("", part)))
    return cells


def blocks(text: str) -> tuple[str, list[str]]:
    """Return a Python file's docstring, and the rest cut at its blank lines, but in no statement.

    Raises:
        SyntaxError: it is no Python.
    """
    tree = ast.parse(text)
    doc = ast.get_docstring(tree)
    taken: dict[int, bool] = {}  # lines of a statement, and whether that is the docstring
    for statement in tree.body:
        decorators = getattr(statement, "decorator_list", [])
        first = min(part.lineno for part in (statement, *decorators))
        is_doc = doc is not None and statement is tree.body[0]
        taken |= dict.fromkeys(range(first, (statement.end_lineno or first) + 1), is_doc)
    found: list[list[str]] = [[]]
    for number, line in enumerate(text.splitlines(), 1):
        if taken.get(number) or (number not in taken and not line.strip()):
            found.append([])
        else:
            found[-1].append(line)
    return doc or "", ["\n".join(lines) for lines in found if lines]


def as_markdown(doc: str) -> str:
    """Return a docstring as Markdown: its first line as a heading, indented lines as they are."""
    title, _, rest = doc.partition("\n")
    lines = [f"# {_plain(title.rstrip('.'))}"]
    for line in rest.splitlines():
        lines.append(line if line.startswith(_INDENT) else _plain(line))
    return "\n".join(lines)


def _plain(line: str) -> str:
    """A line of text in which Markdown sees nothing special, but for what stands in backticks."""
    parts = line.split("`")
    parts[::2] = [_SPECIAL.sub(r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
