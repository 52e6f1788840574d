"""Checks a student's file part by part."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnlite.exercises.imports import refused_by
from cnnlite.exercises.judge import TO_DO, wrong_with
from cnnlite.exercises.parts import Case, Exercise, Part
from cnnlite.exercises.submission import MEGABYTES, CannotLoad, Start, Submission, start_child
from cnnlite.isolated.process import UNREADABLE, Lost
from cnnlite.isolated.wire import plain

__all__ = ["Verdict", "check"]


class Verdict(NamedTuple):
    """The result for one part.

    Attributes:
        part: the part.
        message: what is wrong, "" if nothing is.
    """

    part: Part
    message: str

    @property
    def word(self) -> str:
        """The verdict in a word: right, wrong, or to do."""
        return "to do" if TO_DO in self.message else "wrong" if self.message else "right"

    @property
    def points(self) -> int:
        """The points for the part: all or none."""
        return 0 if self.message else self.part.points


def check(
    exercise: Exercise,
    file: Path,
    part: str | None = None,
    seed: int = 0,
    seconds: float = 10,
    start: Start | None = None,
    alone: bool = False,
    source: bytes | None = None,
) -> list[Verdict]:
    """Return the verdict on each part, or on one.

    The file is loaded once.  What keeps it from being loaded is the message of every part.

    Args:
        exercise: the exercise.
        file: the student's file.
        part: the name of a part; None for all.
        seed: seed of the numbers in the inputs.
        seconds: time limit of loading the file, and of each part.
        start: makes the process in which the file runs; None for one that refuses what the
            exercise does not allow.
        alone: whether the files beside it are other people's, and are not to be imported.
        source: what is in the file; None to read it now.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    chosen = [each for each in exercise.parts if part in (None, each.name)]
    start = start or (lambda seconds: start_child(seconds, refused_by(exercise)))
    submission = Submission(exercise, file, seconds, start, alone, source)
    verdicts: list[Verdict] = []
    try:
        for each in chosen:
            verdicts.append(Verdict(each, _message(submission, each, seed)))
    except CannotLoad as error:
        told = _raised(error.error, {}) if error.error is not None else _lost(str(error), None)
        message = f"the file cannot be loaded: {told}"
        verdicts += [Verdict(each, message) for each in chosen[len(verdicts) :]]
    finally:
        submission.close()
    return verdicts


def _message(submission: Submission, part: Part, seed: int) -> str:
    cases = part.cases(np.random.default_rng(seed))
    try:
        results = submission.results(cases)
    except Lost as error:
        return _lost(str(error), part)
    if part.function.partition(".")[0] not in submission.functions:
        missing = f"the file has no function {part.function} any more; the starting file has it"
        return f"{missing}\n{_raised(submission.failed[0], {})}" if submission.failed else missing
    if not isinstance(results, list):
        return UNREADABLE
    # One call after the other: the first that is wrong is told.
    for number, case in enumerate(cases):
        if number >= len(results) or not isinstance(results[number], dict):
            return UNREADABLE
        result = results[number]
        if "error" in result:
            wrong: str | None = _raised(result["error"], part.hints)
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


def _raised(error: Any, hints: dict[str, str]) -> str:
    """Return what an exception in the student's file means."""
    if not isinstance(error, dict):
        return UNREADABLE
    kind, text, line, code = (plain(error.get(key)) for key in ("type", "text", "line", "code"))
    where = f" in {plain(error['cell'])}" if error.get("cell") else ""
    if error.get("line"):
        where += f", line {line}" if where else f" in line {line}"
        where += f": {code}" if code else ""
    if kind == "SystemExit":
        return f"the file leaves Python{where}\nlikely: exit() or sys.exit() has no place in it"
    if kind == "MemoryError":
        return f"more than {MEGABYTES} MB of memory are asked for{where}"
    message = f"raised {kind}: {text}{where}"
    hint = hints.get(kind) or HINTS.get(kind)
    return f"{message}\nlikely: {hint}" if hint else message


HINTS = {
    "RecursionError": "a function that calls itself without an end",
    "EOFError": "input() has nobody to answer it here",
    "NameError": "a name that is spelled in two ways, or not defined yet",
    "UnboundLocalError": "a variable that is set in one branch only",
    "IndentationError": "spaces at the beginning of the line",
    "TabError": "tabs and spaces at the beginning of lines: use spaces only",
    "PermissionError": "a file may change its own folder only, and reach nothing outside",
    "KeyboardInterrupt": "the file raises it itself; nobody has pressed a key",
}

LOST = {
    "signal 9": "too much memory, or a signal that the file sends itself",
    "signal 11": "a crash below Python: ctypes, or a recursion that is too deep",
    "signal 24": "too much time",
    "signal": "too much memory, too much time, or a signal that the file sends itself",
    "exit status": "os._exit() or exit() has no place in the file",
    "processes": "the file starts itself, or others, again and again",
    "watched over": "os.kill() has no place in the file",
}
"""What may have ended the process, by a word in the message about it."""


def _lost(message: str, part: Part | None) -> str:
    if message.startswith("not through"):
        return f"{message}\nlikely: {part.slow if part else Part.slow}"
    hint = next((hint for word, hint in LOST.items() if word in message), "")
    return f"{message}\nlikely: {hint}" if hint else message
