"""Checks a student's file part by part."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnlite.exercises.judge import TO_DO, plain, wrong_with
from cnnlite.exercises.parts import Case, Exercise, Part
from cnnlite.exercises.process import MEGABYTES, run_apart
from cnnlite.exercises.worker import encode

__all__ = ["Verdict", "check", "exercise_of"]

Run = Callable[[dict[str, Any]], dict[str, Any]]


class Verdict(NamedTuple):
    """How a part stands.

    Attributes:
        part: which.
        message: what is wrong, "" if nothing is.
    """

    part: Part
    message: str

    @property
    def word(self) -> str:
        """It in a word: right, wrong, or to do."""
        return "to do" if TO_DO in self.message else "wrong" if self.message else "right"

    @property
    def points(self) -> int:
        """What it gives: all or nothing."""
        return 0 if self.message else self.part.points


def exercise_of(file: Path, exercises: dict[str, Exercise]) -> Exercise:
    """Return the exercise whose starting file this was.

    Args:
        file: its first lines hold "# cnnlite exercise: NAME".
        exercises: by name.

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not say.
    """
    with file.open("rb") as stream:
        head = stream.read(2000).decode("utf-8-sig", "replace")
    match = re.search(r"^# cnnlite exercise: ([\w-]+)", head, re.MULTILINE)
    if match is None or match[1] not in exercises:
        raise ValueError(
            f"{file} does not say which exercise it is: its first line should be "
            f"# cnnlite exercise: NAME, with NAME one of {', '.join(exercises)}"
        )
    return exercises[match[1]]


def check(
    exercise: Exercise,
    file: Path,
    part: str | None = None,
    seed: int = 0,
    seconds: float = 10,
    run: Run = run_apart,
) -> Iterator[Verdict]:
    """Yield the verdict on each part, or on one.

    Args:
        exercise: which it is.
        file: the student's.
        part: its name; None for all.
        seed: of the numbers in the inputs.
        seconds: time limit of each part.
        run: does the calls, see `worker.run`.
    """
    for candidate in exercise.parts:
        if part is None or candidate.name == part:
            message = _message(exercise, candidate, file, seed, seconds, run)
            yield Verdict(candidate, message)


def _message(
    exercise: Exercise, part: Part, file: Path, seed: int, seconds: float, run: Run
) -> str:
    cases = part.cases(np.random.default_rng(seed))
    calls = [{"call": c.call, "inputs": encode(c.inputs)} for c in cases]
    reply = run(
        {
            "file": str(file),
            "helpers": exercise.helpers,
            "calls": calls,
            "seconds": seconds,
        }
    )
    if "timeout" in reply:
        return f"not through after {reply['timeout']:g} seconds\nlikely: {part.slow}"
    if "ended" in reply:
        return _ended(reply["ended"])
    if "error" in reply:
        return f"the file cannot be loaded: {_raised(reply['error'], part)}"
    names, results = reply.get("names"), reply.get("results")
    if not isinstance(names, list) or not isinstance(results, list):
        return "what came back from the process cannot be read"
    if part.function.partition(".")[0] not in names:
        return f"the file has no function {part.function} any more; the starting file has it"
    # One call after the other: the first that is wrong is told.
    for number, case in enumerate(cases):
        if number >= len(results) or not isinstance(results[number], dict):
            return "what came back from the process cannot be read"
        result = results[number]
        if "error" in result:
            wrong: str | None = _raised(result["error"], part)
        else:
            wrong = wrong_with(part, case, result)
        if wrong:
            return f"{_called(case)}\n{wrong}"
    return ""


def _called(case: Case) -> str:
    given = [
        f"{name} {value.shape} {value.dtype}"
        if isinstance(value, np.ndarray)
        else f"{name} = {value}"
        for name, value in case.inputs.items()
    ]
    note = f" ({case.note})" if case.note else ""
    shown = case.shown or case.call
    return f"{shown} with {', '.join(given)}{note}" if given else f"{shown}{note}"


def _raised(error: Any, part: Part) -> str:
    """What an exception in the student's file means."""
    if not isinstance(error, dict):
        return "what came back from the process cannot be read"
    kind, text, line, code = (plain(error.get(key)) for key in ("type", "text", "line", "code"))
    where = f" in line {line}: {code}" if error.get("line") else ""
    if kind == "SystemExit":
        return f"the file leaves Python{where}\nlikely: exit() or sys.exit() has no place in it"
    if kind == "MemoryError":
        return f"more than {MEGABYTES} MB of memory are asked for{where}"
    message = f"raised {kind}: {text}{where}"
    hint = part.hints.get(kind) or HINTS.get(kind)
    return f"{message}\nlikely: {hint}" if hint else message


HINTS = {
    "RecursionError": "a function that calls itself without an end",
    "EOFError": "input() has nobody to answer it here",
    "NameError": "a name that is spelled in two ways, or not defined yet",
    "UnboundLocalError": "a variable that is set in one branch only",
    "IndentationError": "spaces at the beginning of the line",
}


def _ended(status: Any) -> str:
    """The process was over before it had answered."""
    if isinstance(status, int) and status < 0:
        return (
            f"the process was ended by the system (signal {-status})\n"
            "likely: too much memory, or too much time"
        )
    return (
        f"the process was over before the part was through (exit status {status})\n"
        "likely: os._exit() or exit() has no place in the file"
    )
