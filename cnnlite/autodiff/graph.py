"""The computation graph: what is computed from what, each node after its arguments."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cnnlite.autodiff.operations import Number, Operation, Scalar, apply, plain

__all__ = ["Graph", "Node", "trace"]


@dataclass(frozen=True)
class Node:
    """One number of the computation: an input, a constant, or the result of an operation.

    Attributes:
        operation: what computes it; None for an input and for a constant.
        arguments: the places in the graph of what it is computed from.
        name: an input's name.
        constant: a constant's value.
    """

    operation: Operation | None = None
    arguments: tuple[int, ...] = ()
    name: str = ""
    constant: float | None = None


@dataclass(frozen=True)
class Graph:
    """A function from numbers to numbers, as a list of nodes.

    Attributes:
        nodes: inputs first; an operation stands after its arguments.
        outputs: places of the results.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs, in their order."""
        return tuple(node.name for node in self.nodes if node.name)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """A name for each node: an input's own, a constant's value, v1, v2... for the others."""
        labels: list[str] = []
        operations = 0
        for node in self.nodes:
            operations += node.operation is not None
            if node.constant is not None:
                labels.append(f"{node.constant:g}")
            else:
                labels.append(node.name or f"v{operations}")
        return tuple(labels)

    @cached_property
    def varies(self) -> tuple[bool, ...]:
        """For each node, whether it depends on an input; no derivative is needed elsewhere."""
        varies: list[bool] = []
        for node in self.nodes:
            varies.append(bool(node.name) or any(varies[i] for i in node.arguments))
        return tuple(varies)

    def formula(self, place: int) -> str:
        """Return how a node is computed, for instance "v1 * v2"."""
        node = self.nodes[place]
        if node.operation is None:
            return self.labels[place]
        arguments = [self.labels[i] for i in node.arguments]
        # A negative constant would read as two operators in a row.
        arguments = [f"({text})" if text.startswith("-") else text for text in arguments]
        return node.operation.form.format(*arguments)

    def run(self, inputs: Sequence[Scalar]) -> list[Scalar]:
        """Return the value of every node.

        Args:
            inputs: one number for each input: floats, complex numbers, or Numbers of a class.

        Raises:
            ValueError: there are too many or too few inputs, or an operation is not defined at
                its arguments; the message names it.
        """
        if len(inputs) != len(self.inputs):
            raise ValueError(
                f"the graph has {len(self.inputs)} inputs ({', '.join(self.inputs)}), "
                f"got {len(inputs)} numbers"
            )
        values: list[Scalar] = [plain(number) for number in inputs]
        for place in range(len(inputs), len(self.nodes)):
            node = self.nodes[place]
            if node.operation is None:
                values.append(node.constant)
                continue
            arguments = [values[i] for i in node.arguments]
            try:
                values.append(apply(node.operation, *arguments))
            except (ValueError, ArithmeticError) as error:
                raise ValueError(
                    f"{self.labels[place]} = {self.formula(place)} or its derivative is not "
                    f"defined at {', '.join(map(str, arguments))}: {error}"
                ) from error
        return values

    def __call__(self, *inputs: Scalar) -> list[Scalar]:
        """Return the outputs alone; see `run`."""
        values = self.run(inputs)
        return [values[place] for place in self.outputs]


class Symbol(Number):
    """A number that is not known yet: calculating with it builds the graph.

    Attributes:
        nodes: the list that all symbols of one graph write to.
        place: where in it this symbol's node stands.
    """

    def __init__(self, nodes: list[Node], node: Node) -> None:
        self.nodes = nodes
        self.place = len(nodes)
        nodes.append(node)

    @classmethod
    def apply(cls, operation: Operation, arguments: tuple[Scalar, ...]) -> "Symbol":
        nodes = next(argument.nodes for argument in arguments if isinstance(argument, Symbol))
        places = tuple(_place(nodes, argument) for argument in arguments)
        return cls(nodes, Node(operation, places))


def _place(nodes: list[Node], number: Scalar) -> int:
    if not isinstance(number, Symbol):
        number = Symbol(nodes, Node(constant=float(number)))
    if number.nodes is not nodes:
        raise ValueError("symbols of different graphs meet in one operation")
    return number.place


def trace(function: Callable[..., Any], names: Sequence[str] | None = None) -> Graph:
    """Return the graph of a Python function, by calling it with symbols.

    Args:
        function: of numbers, returning a number or a tuple or list of numbers; made of + - * /
            ** abs and the functions of `cnnlite.autodiff` (sin, exp...).  It is called once, so
            its branches and loops must not depend on the numbers.
        names: of its arguments; None takes them from its signature.
    """
    names = tuple(inspect.signature(function).parameters) if names is None else tuple(names)
    nodes: list[Node] = []
    inputs = [Symbol(nodes, Node(name=name)) for name in names]
    results = function(*inputs)
    if not isinstance(results, tuple | list):
        results = (results,)
    places = tuple(_place(nodes, result) for result in results)
    return Graph(tuple(nodes), places)
