"""What an exercise is made of: parts that give points, and the calls that test each part."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Case", "Exercise", "Part", "Suspect", "each", "numbers"]


class Suspect(NamedTuple):
    """A usual mistake, recognised by the result that it gives."""

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
        judge: returns what is wrong, or None; in place of `expected`, where several values are
            right.
        note: what is special about these inputs.
        shown: how messages show the call; "" stands for `call`.
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


Cases = Callable[[np.random.Generator], list[Case]]


def each(
    operands: Callable[[np.random.Generator], Iterable[Any]], make: Callable[..., Case]
) -> Cases:
    """Return a function that makes a case of each of the operands."""
    return lambda rng: [make(given) for given in operands(rng)]


@dataclass(frozen=True)
class Part:
    """A part of an exercise, which gives points as a whole.

    Attributes:
        name: one word or two, as `--part` takes it.
        points: given if all of its cases are right; there are none for some of them.
        function: the student's function that it is about.
        cases: makes the cases from a generator: another seed, other numbers.
        take: where the function returns a tuple, the one result that this part is about.
        of: names of the tuple's elements.
        slow: what may be wrong when the time limit is reached.
        hints: what an exception of a type may mean here.
    """

    name: str
    points: int
    function: str
    cases: Cases
    take: int | None = None
    of: tuple[str, ...] = ()
    slow: str = "a loop that never ends?"
    hints: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Exercise:
    """A starting file, and the parts that are to be filled in.

    Attributes:
        name: as the command line takes it.
        title: what it is about, in a line.
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
        """The name of the starting file; a module's name must have no hyphens."""
        return self.name.replace("-", "_") + ("_start.py" if self.start else ".py")

    @property
    def points(self) -> int:
        """The points of all parts."""
        return sum(part.points for part in self.parts)


def numbers(rng: np.random.Generator, *shape: int, dtype: Any = np.float64) -> np.ndarray:
    """Return random numbers of few digits, which are easy to read in a message, and none near 0."""
    normal = rng.standard_normal(shape)
    return (normal + np.copysign(0.1, normal)).round(2).astype(dtype)
