"""An exercise of one's own: a file with right functions, from which all else is made.

The file is Python or a notebook, its author's, and trusted: it runs in this process.  Students'
files never do.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.exercises.parts import Case, Exercise, Part, Suspect
from cnnlite.exercises.starting import starting_text
from cnnlite.isolated import cells
from cnnlite.isolated.source import read_source
from cnnlite.isolated.wire import Other, decode, encode

__all__ = ["load_exercise", "reference_part"]

Inputs = dict[str, Any]


def reference_part(
    reference: Callable[..., Any],
    cases: Callable[[np.random.Generator], Iterable[Inputs]],
    *,
    name: str = "",
    points: int = 1,
    tolerance: float | None = None,
    mistakes: Mapping[str, Callable[..., Any]] | None = None,
    hints: Mapping[str, str] | None = None,
    returns: Sequence[str] = (),
    take: str = "",
) -> Part:
    """Return a part of an exercise that is tested by a function that does it right.

    Args:
        reference: what the student is to write: its name, its arguments and its docstring go into
            the starting file.
        cases: takes a generator and gives the arguments of each call by name: arrays and numbers.
        name: of the part; "" for the function's.
        points: for all cases right.
        tolerance: see `Case`; None for rounding.
        mistakes: by what is to be said of it, a function that makes a usual mistake; it takes what
            the reference takes, and returns what the part is about.
        hints: what an exception of a type may mean here.
        returns: names of the results, where the function returns several.
        take: the one of them that this part is about.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """
    if not inspect.isfunction(reference):
        raise TypeError(f"reference_part: reference is {reference!r}, expected a function")
    name = name or take or reference.__name__
    where = f"part {name}"
    if not callable(cases):
        raise TypeError(f"{where}: cases is {cases!r}, expected a function of a generator")
    if isinstance(points, bool) or not isinstance(points, int) or points < 0:
        raise ValueError(f"{where}: points is {points!r}, expected a whole number from 0 up")
    if tolerance is not None and not 0 <= tolerance < 1:
        raise ValueError(f"{where}: tolerance is {tolerance!r}, expected a number from 0 to 1")
    if bool(returns) != bool(take) or (take and take not in returns):
        raise ValueError(f"{where}: take is {take!r}, expected one of returns, {list(returns)}")
    place = list(returns).index(take) if take else None

    def result(function: Callable[..., Any], inputs: Inputs) -> Any:
        value = function(**copy.deepcopy(inputs))
        several = isinstance(value, tuple) and len(value) == len(returns)
        return value[place] if place is not None and several else value

    def make(rng: np.random.Generator) -> list[Case]:
        made = []
        for inputs in cases(rng):
            call = _call(where, reference, inputs)
            expected = _plain(where, result(reference, inputs))
            suspects = tuple(
                Suspect(cause, lambda wrong=wrong, inputs=inputs: result(wrong, inputs))  # type: ignore[misc]
                for cause, wrong in (mistakes or {}).items()
            )
            made.append(Case(call, inputs, expected, suspects, tolerance=tolerance))
        return made

    return Part(
        name, points, reference.__name__, make, place, tuple(returns), hints=dict(hints or {})
    )


def _call(where: str, reference: Callable[..., Any], inputs: Any) -> str:
    """How the student's function is called with these arguments."""
    if not isinstance(inputs, dict) or not all(isinstance(key, str) for key in inputs):
        raise TypeError(f"{where}: cases gives {inputs!r}, expected a dict of arguments by name")
    try:
        inspect.signature(reference).bind(**inputs)
    except TypeError as error:
        raise TypeError(
            f"{where}: cases gives {', '.join(inputs)}, which {reference.__name__} does not take: "
            f"{error}"
        ) from None
    for key, value in inputs.items():
        if _has_other(decode(encode(value))):
            raise TypeError(
                f"{where}: {key} is a {type(value).__name__}, expected arrays, numbers, text, or "
                "lists and tuples of them: nothing else crosses to the student's process"
            )
    order = list(inspect.signature(reference).parameters)
    given = sorted(inputs, key=order.index)
    plain = given == order[: len(given)]
    return f"{reference.__name__}({', '.join(n if plain else f'{n}={n}' for n in given)})"


def _has_other(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_other, value))
    return isinstance(value, Other | dict)


def _plain(where: str, value: Any) -> Any:
    """What is expected, as the judge compares it."""
    if isinstance(value, np.generic) and value.dtype.kind in "iuf":
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, list) and all(type(each) in (int, float) for each in value):
        return value
    raise TypeError(
        f"{where}: the reference returns a {type(value).__name__}, expected an array of numbers, a "
        "number or a list of numbers"
    )


def load_exercise(file: Path) -> Exercise:
    """Return the exercise that an author's file describes, after a trial of all its cases.

    The file has `parts`, a list of what `reference_part` returns, and may have `name`, `title`,
    `allowed` (packages that students may import) and `start` (the text of the starting file, which
    is made of the references otherwise).

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not load, or a part, a case or a mistake is not as it should be.
    """
    source = read_source(file)
    module = types.ModuleType(file.stem)
    module.__file__ = str(file)
    beside, written = str(file.resolve().parent), sys.dont_write_bytecode
    sys.path.insert(0, beside)
    sys.dont_write_bytecode = True
    sys.modules.setdefault(file.stem, module)  # where dataclasses look for it
    try:
        exec(compile(source, str(file), "exec", dont_inherit=True), module.__dict__)
        exercise = _exercise(file, source, vars(module))
        _try(exercise)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{file}: {' '.join(_told(file, error).split())}") from error
    finally:
        sys.dont_write_bytecode = written
        sys.path.remove(beside)
        if sys.modules.get(file.stem) is module:
            del sys.modules[file.stem]
    return exercise


def _exercise(file: Path, source: bytes, names: Mapping[str, Any]) -> Exercise:
    parts = names.get("parts")
    if not isinstance(parts, list | tuple) or not parts:
        raise _Wrong("there are no parts: expected parts = [reference_part(...), ...]")
    for part in parts:
        if not isinstance(part, Part):
            raise _Wrong(f"parts has {part!r}, expected what reference_part returns")
    twice = {part.name for part in parts if [p.name for p in parts].count(part.name) > 1}
    if twice:
        raise _Wrong(f"two parts are called {twice.pop()}; give them names")
    tree = ast.parse(source)
    doc = ast.get_docstring(tree) or ""
    name = str(names.get("name") or file.stem).replace("_", "-")
    if not name.replace("-", "_").isidentifier():
        raise _Wrong(f"name is {name!r}, expected letters, digits and hyphens")
    title = str(names.get("title") or doc.partition("\n")[0].rstrip(".") or name)
    start = names.get("start") or starting_text(name, doc or title, tree, parts)
    allowed = names.get("allowed", ("numpy", "matplotlib"))
    if not isinstance(allowed, list | tuple) or not all(isinstance(a, str) for a in allowed):
        raise _Wrong(f"allowed is {allowed!r}, expected names of packages")
    return Exercise(name, title, tuple(parts), "", tuple(allowed), str(start))


class _Wrong(ValueError):
    """Says what is wrong; the line does not matter."""


def _try(exercise: Exercise) -> None:
    """Make all cases, and see that each mistake shows in one of them."""
    for part in exercise.parts:
        cases = part.cases(np.random.default_rng(0))
        if not cases:
            raise _Wrong(f"part {part.name}: it has no cases")
        unseen = {cause for case in cases for cause, _ in case.suspects}
        for case in cases:
            for cause, wrong in case.suspects:
                came, right = np.asarray(wrong()), np.asarray(case.expected)
                if came.shape != right.shape or not np.allclose(came, right, equal_nan=True):
                    unseen.discard(cause)
        if unseen:
            raise _Wrong(
                f"part {part.name}: the mistake {sorted(unseen)[0]!r} gives what is right in every "
                "case: expected a case that finds it"
            )


def _told(file: Path, error: BaseException) -> str:
    """What was raised, and the last line of the author's file that had a part in it."""
    if isinstance(error, _Wrong):
        return str(error)
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    where = _where(file, line) if line else ""
    known = isinstance(error, TypeError | ValueError) and text.startswith(("part ", "reference_"))
    return f"{text}{where}" if known else f"raised {type(error).__name__}: {text}{where}"


def _where(file: Path, line: int) -> str:
    if file.suffix.lower() != cells.ENDING:
        return f" in line {line}"
    cell, line = cells.place(read_source(file).decode(), line)
    return f" in cell {cell}, line {line}"
