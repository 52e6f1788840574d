"""The environment variables of cnnlite: every one, and the only place that reads them.

A variable that is empty counts as not set.  This file needs nothing but Python: setup.py runs it
too, where neither NumPy nor cnnlite is installed.  docs/lookup/environment.md shows it as a table.
"""

import math
import os
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

__all__ = ["MOST_THREADS", "Launched", "Variable", "check", "launched"]

MOST_THREADS = 1024
"""The pool of threads and the working memory of kernels have a place for each of them."""

T = TypeVar("T")


class Variable(NamedTuple, Generic[T]):
    """A variable of the environment.

    Attributes:
        name: the variable's name.
        meaning: what it decides.
        expected: the values that it may have.
        without: the default, in words.
        otherwise: the default.
        parse: turns the text into the value; raises ValueError for text that is not a value.
    """

    name: str
    meaning: str
    expected: str
    without: str
    otherwise: T
    parse: Callable[[str], T]

    def value(self) -> T:
        """Return the value that the variable has now.

        Raises:
            ValueError: it is set to an unexpected value.
        """
        text = os.environ.get(self.name, "")
        if not text:
            return self.otherwise
        try:
            return self.parse(text)
        except ValueError:
            raise ValueError(f"{self.name} is {text!r}, expected {self.expected}") from None


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return parse


def _number(low: int, high: float = math.inf) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return parse


def _flag(name: str, meaning: str) -> Variable[bool]:
    return Variable(
        name, meaning, "0 or 1", "0", False, lambda text: _one_of("0", "1")(text) == "1"
    )


def _cases(name: str, meaning: str) -> Variable[int]:
    return Variable(name, meaning, "a whole number", "none beyond the usual ones", 0, _number(0))


BACKENDS = ("compiled", "reference")
INSTRUCTION_SETS = ("avx512", "avx2", "neon", "baseline")
"""The best one first."""

NUM_THREADS = Variable(
    "CNNLITE_NUM_THREADS",
    "how many threads the kernels use",
    f"a whole number from 1 to {MOST_THREADS}",
    "the CPUs that affinity and containers allow",
    None,
    _number(1, MOST_THREADS),
)
ISA = Variable(
    "CNNLITE_ISA",
    "the instruction set whose kernels run",
    "baseline, neon, avx2 or avx512",
    "the best that the machine has",
    "",
    _one_of(*INSTRUCTION_SETS),
)
BACKEND = Variable(
    "CNNLITE_BACKEND",
    "which kernels run: the compiled ones, or their twins in NumPy",
    "'compiled' (the default) or 'reference'",
    "compiled",
    "compiled",
    _one_of(*BACKENDS),
)
POOL_LIMIT = Variable(
    "CNNLITE_POOL_LIMIT",
    "how much memory of arrays that are gone is kept for new ones",
    "a number of MiB of at least 0",
    "2048",
    2048,
    _number(0),
)
DATA = Variable(
    "CNNLITE_DATA",
    "the folder that the official data sets are looked for in, and fetched to",
    "a folder",
    "the user's cache folder",
    "",
    str,
)
CACHE = Variable(
    "CNNLITE_CACHE",
    "the folder of the converted arrays (185 MB)",
    "a folder",
    "the user's cache folder",
    "",
    str,
)
DEBUG_CACHES = _flag(
    "CNNLITE_DEBUG_CACHES", "whether backward raises if an array that it needs has changed"
)

DEBUG = _flag("CNNLITE_DEBUG", "whether the kernels check bounds and carry symbols for gdb")
SERIAL = _flag("CNNLITE_SERIAL", "whether the kernels are built for one thread")
SANITIZE = _flag(
    "CNNLITE_SANITIZE", "whether the kernels carry sanitizers, for `python -m tests.sanitize`"
)

REQUIRE_TORCH = _flag("CNNLITE_REQUIRE_TORCH", "whether a missing PyTorch is a failure")
REQUIRE_ONNX = _flag("CNNLITE_REQUIRE_ONNX", "whether a missing ONNX is a failure")
REQUIRE_BROWSER = _flag("CNNLITE_REQUIRE_BROWSER", "whether a missing browser is a failure")
REQUIRE_JUPYTER = _flag("CNNLITE_REQUIRE_JUPYTER", "whether a missing Jupyter is a failure")
JUDGE_CASES = _cases("CNNLITE_JUDGE_CASES", "how many new cases PyTorch judges")
FUZZ_CASES = _cases("CNNLITE_FUZZ_CASES", "how many new hostile inputs of each kind are tried")

WHEN: dict[str, tuple[Variable[Any], ...]] = {
    "running": (NUM_THREADS, ISA, BACKEND, POOL_LIMIT, DATA, CACHE, DEBUG_CACHES),
    "building": (DEBUG, SERIAL, SANITIZE),
    "testing": (
        *(REQUIRE_TORCH, REQUIRE_ONNX, REQUIRE_BROWSER, REQUIRE_JUPYTER),
        *(JUDGE_CASES, FUZZ_CASES),
    ),
}
"""All of them, by when they count."""


def check() -> None:
    """Read each variable that counts while cnnlite runs.

    Raises:
        ValueError: one is set to an unexpected value.
    """
    for variable in WHEN["running"]:
        variable.value()


LAUNCHERS = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", ""),  # Open MPI
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", "PMI_FD"),  # MPICH and what derives from it
)
"""The variables of `Launched`, by which `mpirun` tells a process its place."""


class Launched(NamedTuple):
    """A process's place among those that `mpirun` has started.

    Attributes:
        rank: its number, from 0.
        size: how many there are.
        local_size: how many of them are on its machine.
        descriptor: of the socket to `mpirun`, if there is one.
    """

    rank: int
    size: int
    local_size: int
    descriptor: int | None


def launched() -> Launched | None:
    """Return this process's place; None if `mpirun` has not started it, or it alone."""
    for names in LAUNCHERS:
        texts = [os.environ.get(name, "") for name in names]
        rank, size, local, descriptor = (int(t) if t.isdecimal() else None for t in texts)
        if rank is not None and size is not None and size > 1:
            return Launched(rank, size, local or 1, descriptor)
    return None
