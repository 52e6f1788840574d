"""What an exercise is made of: parts that give points, and the calls that test each part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Case", "Exercise", "Part", "Suspect", "numbers"]


class Suspect(NamedTuple):
    """A usual mistake, known by the result that it gives."""

    cause: str
    wrong: Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """One call of the student's function.

    Attributes:
        call: a Python expression in the names of the student's file, of `inputs` and of the
            exercise's helpers.
        inputs: arrays and numbers by name; each call gets its own copy.
        expected: an array, a float, a list of floats; compared within rounding.
        suspects: what usual mistakes would have returned instead, the likeliest first.
        judge: instead of `expected`, for results with more than one right value: returns what
            is wrong, or None.
        note: what is special about these inputs.
        shown: how the call is written in messages; "" is as `call`.
        may_alias: whether the result may share memory with an input.
        tolerance: how far the result may be off, relative to the largest number of what is
            expected, or to 1; None for rounding, 1e-7 in float64 and 1e-4 in float32.
    """

    call: str
    inputs: dict[str, Any]
    expected: Any = None
    suspects: tuple[Suspect, ...] = ()
    judge: Callable[[Any], str | None] | None = None
    note: str = ""
    shown: str = ""
    may_alias: bool = False
    tolerance: float | None = None


@dataclass(frozen=True)
class Part:
    """What gives points together.

    Attributes:
        name: of one word or two, as `--part` takes it.
        points: for all of its cases right; there are no points for some of them.
        function: the student's function that it is about.
        cases: makes them, from a generator: another seed, other numbers.
        take: where the function returns a tuple, the one result that this part is about.
        of: names of the tuple's elements.
        slow: what may be wrong when the time limit is met.
        hints: what an exception of a type may mean here.
    """

    name: str
    points: int
    function: str
    cases: Callable[[np.random.Generator], list[Case]]
    take: int | None = None
    of: tuple[str, ...] = ()
    slow: str = "a loop that never ends?"
    hints: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Exercise:
    """A starting file, and the parts that are to be filled in.

    Attributes:
        name: as the command line takes it.
        title: one line about it.
        parts: in the order of the file.
        helpers: Python source that the cases' calls may use, run beside the student's names.
        allowed: packages that a file may import besides Python's own.
        start: the text of the starting file; "" for one that the package has.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
    helpers: str = ""
    allowed: tuple[str, ...] = ("numpy", "matplotlib")
    start: str = ""

    @property
    def file(self) -> str:
        """Name of the starting file; a module must be importable, so it has no hyphens."""
        return self.name.replace("-", "_") + ("_start.py" if self.start else ".py")

    @property
    def points(self) -> int:
        """All that can be had."""
        return sum(part.points for part in self.parts)


def numbers(rng: np.random.Generator, *shape: int, dtype: Any = np.float64) -> np.ndarray:
    """Random numbers of a few digits, so that a message about them can be read, and none near 0."""
    normal = rng.standard_normal(shape)
    return (normal + np.copysign(0.1, normal)).round(2).astype(dtype)
