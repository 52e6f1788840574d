"""A student's file: read here, run in a process of its own."""

import base64
import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from cnnlite.exercises.parts import Case, Exercise
from cnnlite.isolated.process import UNREADABLE, Child, Lost
from cnnlite.isolated.source import read_source
from cnnlite.isolated.wire import encode

__all__ = ["MEGABYTES", "CannotLoad", "Start", "Submission", "exercise_of"]

MEGABYTES = 1024  # of address space
REFUSED = ("cnnlite", "torch", "tensorflow", "jax")  # they have the functions ready


class Session(Protocol):
    """What answers the requests of `cnnlite.isolated.calls`."""

    folder: Path

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return the answer; raise Lost if there is none."""

    def close(self) -> None:
        """End it."""


Start = Callable[[float], Session]


def start_child(seconds: float) -> Session:
    """Return a process whose requests together may take so many seconds of processor time."""
    return Child("calls", seconds, MEGABYTES, REFUSED)


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

    Args:
        exercise: the exercise.
        file: the student's file.
        seconds: time limit of loading it, and of each request.
        start: makes the process.

    Raises:
        OSError, ValueError: the file cannot be read.
    """

    def __init__(self, exercise: Exercise, file: Path, seconds: float, start: Start) -> None:
        self.exercise, self.file = exercise, file
        self.seconds, self._start = seconds, start
        self._source = read_source(file)
        self._session: Session | None = None
        self.functions: list[str] = []

    def results(self, cases: list[Case]) -> Any:
        """Return what each call gave: "results" of `Calls.answer`, or None if there are none.

        Raises:
            CannotLoad: the file cannot be loaded.
            Lost: there was no answer.
        """
        session = self._session or self._load()
        calls = [{"call": case.call, "inputs": encode(case.inputs)} for case in cases]
        try:
            results = session.ask({"calls": calls}, self.seconds).get("results")
        except Lost:
            self.close()
            raise
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
            "path": [str(self.file.resolve().parent)],  # its neighbours, as if it were run itself
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
        return session

    def _copy(self, folder: Path) -> Path:
        """Write the file into the process's own folder, so that what it leaves is left there."""
        copy = folder / self.file.name
        with contextlib.suppress(OSError):
            copy.write_bytes(self._source)
        return copy


def _kinds(results: Any) -> list[Any]:
    if not isinstance(results, list):
        return []
    errors = [result.get("error") for result in results if isinstance(result, dict)]
    return [error.get("type") for error in errors if isinstance(error, dict)]


def exercise_of(file: Path, exercises: dict[str, Exercise]) -> Exercise:
    """Return the exercise whose starting file this was.

    Args:
        file: its first lines hold "# cnnlite exercise: NAME".
        exercises: by name.

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not say.
    """
    head = read_source(file)[:4000]
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))  # what Python refuses, but an editor wrote
    text = head.decode("utf-16" if wide else "utf-8-sig", "replace")
    match = re.search(r"^[ \t]*#[ \t]*cnnlite exercise:[ \t]*([\w-]+)", text, re.MULTILINE)
    name = match[1].replace("_", "-") if match else ""
    if name not in exercises:
        raise ValueError(
            f"{file} does not say which exercise it is: its first line should be "
            f"# cnnlite exercise: NAME, with NAME one of {', '.join(exercises)}"
        )
    return exercises[name]
