"""A student's file or notebook: read here, run in a process of its own."""

import base64
import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from cnnlite.exercises.imports import SOLVED
from cnnlite.exercises.parts import Case, Exercise
from cnnlite.isolated.process import UNREADABLE, Child, Lost
from cnnlite.isolated.source import read_source
from cnnlite.isolated.wire import encode

__all__ = [
    "MEGABYTES",
    "CannotLoad",
    "Start",
    "Submission",
    "exercise_of",
    "name_in",
    "start_child",
]

MEGABYTES = 1024  # of address space


class Session(Protocol):
    """What answers the requests of `cnnlite.isolated.calls`."""

    folder: Path

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return the answer; raise Lost if there is none."""

    def close(self) -> None:
        """End it."""


Start = Callable[[float], Session]


def start_child(seconds: float, refused: tuple[str, ...] = SOLVED) -> Session:
    """Return a process for one file.

    Args:
        seconds: processor time that all requests together may take.
        refused: libraries that it may not import.
    """
    return Child("calls", seconds, MEGABYTES, refused)


class CannotLoad(Exception):
    """Nothing in the file can be called.

    Attributes:
        error: what it raised, as `Loaded.explain` tells it; or None.
    """

    def __init__(self, message: str, error: Any = None) -> None:
        super().__init__(message)
        self.error = error


class Submission:
    """A file, and a process in which its functions are called; another one if that is lost.

    Attributes:
        functions: that it has, once it is loaded.
        failed: of cells of a notebook that failed, what they raised, as `Loaded.explain` tells it.

    Args:
        exercise: the exercise.
        file: the student's file.
        seconds: time limit of loading it, and of each request.
        start: makes the process.
        alone: whether it may not import the files beside it.
        source: what is in the file; None to read it now.

    Raises:
        OSError, ValueError: the file cannot be read.
    """

    def __init__(
        self, exercise: Exercise, file: Path, seconds: float, start: Start, alone: bool = False,
        source: bytes | None = None,
    ) -> None:  # fmt: skip
        self.exercise, self.file, self.alone = exercise, file, alone
        self.seconds, self._start = seconds, start
        self._source = read_source(file) if source is None else source
        self._session: Session | None = None
        self._calls: list[dict[str, Any]] = []
        self._answer: Any = None
        self.functions: list[str] = []
        self.failed: list[Any] = []

    def results(self, cases: list[Case]) -> Any:
        """Return what each call gave: "results" of `Calls.answer`, or None if there are none.

        Raises:
            CannotLoad: the file cannot be loaded.
            Lost: there was no answer.
        """
        calls = [{"call": case.call, "inputs": encode(case.inputs)} for case in cases]
        # Parts may be about several results of one call, which is then made once.
        if calls != self._calls:
            self._calls, self._answer = calls, self._ask(calls)
        if isinstance(self._answer, Lost):
            raise self._answer
        return self._answer

    def _ask(self, calls: list[dict[str, Any]]) -> Any:
        """The results, or how the process was lost."""
        session = self._session or self._load()
        try:
            results = session.ask({"calls": calls}, self.seconds).get("results")
        except Lost as error:
            self.close()
            return error
        if "MemoryError" in _kinds(results):  # what fills the memory would fill it for all parts
            self.close()
        return results

    def close(self) -> None:
        """End the process, and remove what it has written."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _load(self) -> Session:
        session = self._start(self.seconds * (len(self.exercise.parts) + 1))
        self._session = session
        request = {
            "load": base64.b64encode(self._source).decode(),
            "shown": str(self.file),
            "place": str(self._copy(session.folder)),
            # Its neighbours, as if it were run itself.
            "path": [] if self.alone else [str(self.file.resolve().parent)],
            "helpers": self.exercise.helpers,
        }
        try:
            answer = session.ask(request, self.seconds)
        except Lost as error:
            raise CannotLoad(str(error)) from None
        if "error" in answer:
            raise CannotLoad("", answer["error"])
        if not isinstance(answer.get("names"), list):
            raise CannotLoad(UNREADABLE)
        self.functions = answer["names"]
        self.failed = answer["failed"] if isinstance(answer.get("failed"), list) else []
        return session

    def _copy(self, folder: Path) -> Path:
        """Write the file into the process's own folder, so that what it leaves is left there."""
        copy = folder / self.file.with_suffix(".py").name
        with contextlib.suppress(OSError):
            copy.write_bytes(self._source)
        return copy


def _kinds(results: Any) -> list[Any]:
    if not isinstance(results, list):
        return []
    errors = [result.get("error") for result in results if isinstance(result, dict)]
    return [error.get("type") for error in errors if isinstance(error, dict)]


def name_in(file: Path) -> str:
    """Return the exercise that a file says in its first lines, "" if it says none.

    Args:
        file: its first lines hold "# cnnlite exercise: NAME".

    Raises:
        OSError, ValueError: it cannot be read.
    """
    head = read_source(file)[:4000]
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))  # what Python refuses, but an editor wrote
    text = head.decode("utf-16" if wide else "utf-8-sig", "replace")
    match = re.search(r"^[ \t]*#[ \t]*cnnlite exercise:[ \t]*([\w-]+)", text, re.MULTILINE)
    return match[1].replace("_", "-") if match else ""


def exercise_of(file: Path, exercises: dict[str, Exercise]) -> Exercise:
    """Return the exercise whose starting file this was.

    Args:
        file: see `name_in`.
        exercises: by name.

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not say.
    """
    name = name_in(file)
    if name not in exercises:
        raise ValueError(
            f"{file} does not say which exercise it is: its first line should be "
            f"# cnnlite exercise: NAME, with NAME one of {', '.join(exercises)}"
        )
    return exercises[name]
