"""The second way, forward mode: every number carries its derivative along."""

from collections.abc import Sequence
from functools import reduce
from operator import add

from cnnlite.autodiff.graph import Graph
from cnnlite.autodiff.operations import Number, Operation, Scalar, apply, plain

__all__ = ["Dual", "jvp"]


class Dual(Number):
    """value + tangent * eps, where eps * eps = 0; so f(value + eps) = f(value) + f'(value) eps.

    Attributes:
        value: the number.
        tangent: its derivative in the chosen direction.
    """

    def __init__(self, value: Scalar, tangent: Scalar) -> None:
        self.value = plain(value)
        self.tangent = plain(tangent)

    @classmethod
    def apply(cls, operation: Operation, arguments: tuple[Scalar, ...]) -> "Dual":
        values = [a.value if isinstance(a, Dual) else a for a in arguments]
        y = apply(operation, *values)
        terms = [
            derivative(y, *values) * a.tangent
            for derivative, a in zip(operation.derivatives, arguments, strict=True)
            if isinstance(a, Dual)
        ]
        return cls(y, reduce(add, terms))

    def __repr__(self) -> str:
        return f"{self.value} + {self.tangent} eps"


def jvp(
    graph: Graph, x: Sequence[Scalar], direction: Sequence[Scalar]
) -> tuple[list[Scalar], list[Scalar]]:
    """Return the outputs and the Jacobian times a vector, in one run of the graph.

    Args:
        graph: of n inputs and m outputs.
        x: the inputs, n numbers.
        direction: the vector, n numbers.

    Returns:
        y (m numbers) and J @ direction (m numbers).
    """
    duals = [Dual(value, tangent) for value, tangent in zip(x, direction, strict=True)]
    outputs = graph(*duals)
    return [y.value if isinstance(y, Dual) else y for y in outputs], tangents(outputs)


def tangents(numbers: Sequence[Scalar]) -> list[Scalar]:
    """Return the tangent of each number, 0 where it depends on no input."""
    return [y.tangent if isinstance(y, Dual) else 0.0 for y in numbers]
