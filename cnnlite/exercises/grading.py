"""A class: every submission in a folder, checked side by side; none of them costs another one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from cnnlite.exercises.checking import Verdict, check
from cnnlite.exercises.imports import flagged_imports, imports_of, refused_by
from cnnlite.exercises.parts import Exercise
from cnnlite.exercises.submission import Session, exercise_of, name_in, start_child
from cnnlite.isolated.process import Lost
from cnnlite.isolated.source import LANGUAGES, read_source
from cnnlite.terminal import did_you_mean

__all__ = ["Grade", "Grading", "Submitted", "find_submissions"]

SKIPPED = ("__pycache__", "__MACOSX")
MOST_ENTRIES = 10_000  # of one student's folder
A_LINK = "is a link, which is not followed"


class Submitted(NamedTuple):
    """What there is to check.

    Attributes:
        name: of the submission: a student's folder, or a file.
        file: to be checked; None if there is none.
        alone: whether the files beside it are other students'.
        problem: why it cannot be checked, "" if it can.
    """

    name: str
    file: Path | None
    alone: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Grade:
    """How a submission stands.

    Attributes:
        submitted: what was checked.
        exercise: which it belongs to; None if that is not known.
        verdicts: on each part; none if it could not be checked.
        imports: modules that it imports, by their first names.
        flagged: those of them that the exercise does not allow.
        problem: why it could not be checked, "" if it could.
    """

    submitted: Submitted
    exercise: Exercise | None = None
    verdicts: Sequence[Verdict] = ()
    imports: Sequence[str] = ()
    flagged: Sequence[str] = ()
    problem: str = ""

    @property
    def points(self) -> int:
        """What it has."""
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def most(self) -> int:
        """What there is to be had."""
        return sum(verdict.part.points for verdict in self.verdicts)

    @property
    def passed(self) -> int:
        """How many parts are right."""
        return sum(not verdict.message for verdict in self.verdicts)

    @property
    def right(self) -> bool:
        """Whether all parts are."""
        return not self.problem and self.passed == len(self.verdicts)

    @property
    def brief(self) -> str:
        """What went wrong, in a few words."""
        notes = [f"imports {', '.join(self.flagged)}"] if self.flagged else []
        wrong = [verdict for verdict in self.verdicts if verdict.message]
        if self.problem:
            told = self.problem.removeprefix(str(self.submitted.file)).lstrip(" :")
            notes.append(told.partition(": its first line")[0])
        elif wrong:
            same = len({verdict.message for verdict in wrong}) == 1
            which = ", ".join(v.part.name for v in wrong) if same else wrong[0].part.name
            if same and len(wrong) == len(self.verdicts) > 1:
                which = "all parts"
            rest = "" if same else f" (and {len(wrong) - 1} more)"
            notes.append(f"{which}: {_short(wrong[0].message)}{rest}")
        return "; ".join(notes)


def _short(message: str) -> str:
    """The likely cause, or else what was seen, without the call."""
    lines = message.splitlines()
    causes = [line.removeprefix("likely: ") for line in lines if line.startswith("likely: ")]
    text = causes[0] if causes else lines[min(1, len(lines) - 1)]
    return text if len(text) <= 100 else f"{text[:97]}..."


def find_submissions(folder: Path, exercise: Exercise | None = None) -> list[Submitted]:
    """Return what is in a folder of files, or of folders one a student, in order of the names.

    Hidden files, links and what is neither a Python file nor a notebook are left out.  In a
    student's folder the files count that say which exercise they belong to.

    Args:
        folder: of the class.
        exercise: the one that is asked for, None for any.

    Raises:
        OSError: the folder cannot be read.
    """
    found: list[Submitted] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in SKIPPED:
            continue
        if path.is_symlink():
            found.append(Submitted(path.name, None, problem=A_LINK))
        elif path.is_dir():
            found += _of_student(path, exercise)
        elif path.suffix.lower() in LANGUAGES:
            found.append(Submitted(path.name, path, alone=True))
    return found


def _of_student(folder: Path, exercise: Exercise | None) -> list[Submitted]:
    files = list(_programs(folder))
    chosen = [file for file in files if _named(file, exercise)]
    if not chosen and exercise is not None:
        chosen = [file for file in files if file.stem == Path(exercise.file).stem]
        chosen = chosen or (files if len(files) == 1 else [])
    if len(chosen) == 1:
        return [Submitted(folder.name, chosen[0])]
    if not chosen:
        which = "of an exercise" if exercise is None else f"of the exercise {exercise.name}"
        problem = f"none of its {len(files)} files is {which}" if files else "has no Python file"
        return [Submitted(folder.name, None, problem=problem)]
    within = folder.parent
    return [Submitted(file.relative_to(within).as_posix(), file) for file in chosen]


def _programs(folder: Path) -> Iterator[Path]:
    count = 0
    for place, inner, names in os.walk(folder):
        inner[:] = sorted(n for n in inner if not n.startswith(".") and n not in SKIPPED)
        for name in sorted(names):
            count += 1
            if count > MOST_ENTRIES:
                return
            path = Path(place, name)
            if path.suffix.lower() in LANGUAGES and name[0] != "." and not path.is_symlink():
                yield path


def _named(file: Path, exercise: Exercise | None) -> bool:
    """Whether a file says that it belongs to this exercise, or to any."""
    try:
        name = name_in(file)
    except (OSError, ValueError):
        return False
    return name == exercise.name if exercise is not None else bool(name)


@dataclass
class Grading:
    """Checks submissions, several at a time, each in a process and a scratch folder of its own.

    Args:
        exercises: by name, from which a file's first line chooses.
        exercise: what all of them belong to; None to ask that line.
        part: the only one to check, None for all.
        seed: of the numbers in the inputs.
        seconds: time limit of loading a file, and of each part.
        jobs: how many are checked at a time.
    """

    exercises: dict[str, Exercise]
    exercise: Exercise | None = None
    part: str | None = None
    seed: int = 0
    seconds: float = 10
    jobs: int = 1
    _running: set[Session] = field(default_factory=set, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _over: bool = field(default=False, init=False)

    def grade_all(
        self, submitted: Sequence[Submitted], done: Callable[[int], object] = lambda count: None
    ) -> list[Grade]:
        """Return the grades in the order of the submissions.

        Args:
            submitted: what to check.
            done: is told how many are through, each time one is.
        """
        # All are read before the first one runs, which could change the others.
        ready = [self._read(each) for each in submitted]
        with ThreadPoolExecutor(self.jobs) as pool:
            futures = [pool.submit(self._grade, *each) for each in ready]
            try:
                for count, _ in enumerate(as_completed(futures), 1):
                    done(count)
            except BaseException:  # Ctrl-C ends what is running, and begins nothing more
                pool.shutdown(wait=False, cancel_futures=True)
                self._end()
                raise
        return [future.result() for future in futures]

    def _read(self, submitted: Submitted) -> tuple[Grade, bytes]:
        """What is known of a submission before it runs, and what is in its file."""
        file = submitted.file
        if file is None:
            return Grade(submitted, problem=submitted.problem), b""
        try:
            exercise = self.exercise_of(file)
            imports, own = imports_of(file, not submitted.alone)
            flagged = flagged_imports(exercise, imports, own)
            return Grade(submitted, exercise, (), imports, flagged), read_source(file)
        except OSError as error:
            problem = f"{file}: {error.strerror or error}"
        except ValueError as error:
            problem = str(error)
        return Grade(submitted, problem=problem), b""

    def _grade(self, known: Grade, source: bytes) -> Grade:
        """The grade of one submission, whatever it does."""
        exercise, file, alone = known.exercise, known.submitted.file, known.submitted.alone
        if exercise is None or file is None:
            return known
        refused = refused_by(exercise)
        try:
            verdicts = check(
                *(exercise, file, self.part, self.seed, self.seconds),
                *(lambda seconds: self._start(seconds, refused), alone, source),
            )
            return replace(known, verdicts=verdicts)
        except Exception as error:  # whatever it is, the others are graded
            told = f"{type(error).__name__}: {error}"
            return replace(known, problem=f"the check itself failed: {told}")

    def exercise_of(self, file: Path) -> Exercise:
        """Return what a file belongs to.

        Raises:
            OSError: it cannot be read.
            ValueError: it belongs to another exercise, to none, or to one without the part.
        """
        exercise = self.exercise or exercise_of(file, self.exercises)
        name = name_in(file)
        if name and name != exercise.name:
            raise ValueError(f"{file} is of the exercise {name}, not of {exercise.name}")
        names = [part.name for part in exercise.parts]
        if self.part is not None and self.part not in names:
            raise ValueError(f"{file}: no part {self.part}{did_you_mean(self.part, names)}")
        return exercise

    def _start(self, seconds: float, refused: tuple[str, ...]) -> Session:
        """A process that ends with the grading."""
        if self._over:
            raise Lost("the grading is over")
        session = start_child(seconds, refused)
        with self._lock:
            self._running.add(session)
        if self._over:  # the end came while it started
            session.close()
            raise Lost("the grading is over")
        return session

    def _end(self) -> None:
        self._over = True
        with self._lock:
            for session in self._running:
                session.close()
