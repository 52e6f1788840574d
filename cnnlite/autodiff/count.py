"""How many operations a function performs: call it with numbers that count them."""

from collections.abc import Callable, Sequence
from typing import Any

from cnnlite.autodiff.operations import Number, Operation, Scalar, apply

__all__ = ["count_operations"]


class Counted(Number):
    """A number, and the list in which each operation on it leaves its name.

    Attributes:
        value: a float or a complex.
        done: names of the operations so far, of all numbers that share the list.
    """

    def __init__(self, value: Scalar, done: list[str]) -> None:
        self.value = value
        self.done = done

    @classmethod
    def apply(cls, operation: Operation, arguments: tuple[Scalar, ...]) -> "Counted":
        done = next(a.done for a in arguments if isinstance(a, Counted))
        done.append(operation.name)
        values = [a.value if isinstance(a, Counted) else a for a in arguments]
        return cls(apply(operation, *values), done)

    @property
    def imag(self) -> "Counted":
        """The imaginary part; looking at it is not an operation."""
        return Counted(self.value.imag, self.done)


def count_operations(function: Callable[[Sequence[Scalar]], Any], x: Sequence[float]) -> int:
    """Return how many elementary operations function(x) performs on what depends on x.

    Args:
        function: of a list of numbers.  An operation on complex numbers counts once, though it
            takes two to six on real ones.
        x: the numbers it is called with.
    """
    done: list[str] = []
    function([Counted(float(number), done) for number in x])
    return len(done)
