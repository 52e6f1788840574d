"""What a student's file imports, found without running it, and what of that is not allowed."""

from __future__ import annotations

import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from cnnlite.exercises.parts import Exercise
from cnnlite.isolated.source import programs

__all__ = ["SOLVED", "flagged_imports", "imports_of", "refused_by"]

SOLVED = (
    "cnnlite", "torch", "tensorflow", "jax", "keras", "flax", "haiku", "mxnet", "paddle", "chainer",
    "theano", "tinygrad", "autograd", "torchvision", "mindspore", "onnxruntime",
)  # fmt: skip
"""Libraries that have the exercises' functions ready."""
MOST_FILES = 100
_BY_NAME = ("__import__", "import_module")
_SPACE = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)


def refused_by(exercise: Exercise) -> tuple[str, ...]:
    """Return the libraries that cannot be imported while a file of the exercise is checked."""
    return tuple(name for name in SOLVED if name not in exercise.allowed)


def flagged_imports(exercise: Exercise, imports: list[str], neighbours: set[str]) -> list[str]:
    """Return which imports are neither Python's own, nor neighbours, nor allowed.

    Args:
        exercise: says what is allowed.
        imports: what `imports_of` found.
        neighbours: modules of the student's own.
    """
    refused = refused_by(exercise)
    own = {*sys.stdlib_module_names, *neighbours, *exercise.allowed, "IPython"}
    return [name for name in imports if name in refused or name not in own]


def imports_of(file: Path, neighbours: bool) -> tuple[list[str], set[str]]:
    """Return the modules that a file imports by their first names, and which are its neighbours.

    Nothing is parsed: a program can be so deep that Python's parser does not survive it.

    Args:
        file: a Python file, or a notebook.
        neighbours: whether modules beside it are the student's own, and followed.
    """
    found: dict[str, None] = {}
    own: set[str] = set()
    todo, seen = [file], {file}
    while todo and len(seen) <= MOST_FILES:
        this = todo.pop()
        try:
            names = [name for program in programs(this) for name in _imports(program)]
        except (OSError, ValueError):
            continue
        for name in names:
            beside = [file.parent / f"{name}.py", file.parent / name / "__init__.py"]
            there = [path for path in beside if neighbours and path.is_file()]
            if there:
                own.add(name)
                todo += [path for path in there if path not in seen]
                seen.update(there)
            if not there or name in SOLVED:
                found[name] = None
    return sorted(found), own


def _imports(source: bytes) -> list[str]:
    found: list[str] = []
    tokens: list[tokenize.TokenInfo] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type not in _SPACE:
                tokens.append(token)
            if token.type == tokenize.NEWLINE or token.string == ";":
                found += filter(str.isidentifier, _of_statement(tokens))
                tokens = []
    except (SyntaxError, tokenize.TokenError, UnicodeDecodeError):
        pass  # what Python does not load imports nothing; what came before the fault is told
    return found


def _of_statement(tokens: list[tokenize.TokenInfo]) -> Iterator[str]:
    """The first names of what a statement imports, also behind `if ...:`."""
    words = [token.string for token in tokens]
    for place, word in enumerate(words):
        first = place == 0 or words[place - 1] == ":"
        if word == "from" and first:
            rest = [name for name in words[place + 1 :] if name.strip(".")]
            yield from rest[:1]
            return
        if word == "import" and first:
            for k in range(place + 1, len(words) - 1):
                if words[k - 1] in ("import", ","):
                    yield words[k]
            return
        if word in _BY_NAME and len(words) > place + 2 and words[place + 1] == "(":
            text = words[place + 2]
            if tokens[place + 2].type == tokenize.STRING:
                yield text.strip("rRbBuUfF").strip("\"'").partition(".")[0]
