"""The third way, reverse mode: a tape of local derivatives, read backwards."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnnlite.autodiff.graph import Graph
from cnnlite.autodiff.operations import Scalar, plain

__all__ = ["record", "sweep", "vjp"]


class Tape(NamedTuple):
    """What the forward pass leaves behind for the backward pass."""

    graph: Graph
    values: list[Scalar]  # of every node
    locals: list[list[tuple[int, Scalar]]]  # of every node: (argument, derivative by it)


class Term(NamedTuple):
    """One step of the backward pass: what one edge of the graph adds to an adjoint."""

    node: int  # whose adjoint flows
    argument: int  # along this edge
    local: Scalar  # d node / d argument
    amount: Scalar  # adjoint of node * local
    adjoint: Scalar  # of the argument, so far


def record(graph: Graph, x: Sequence[Scalar]) -> Tape:
    """Run the graph and record the local derivative of each edge."""
    values = graph.run(x)
    tape: list[list[tuple[int, Scalar]]] = []
    for place, node in enumerate(graph.nodes):
        arguments = [values[i] for i in node.arguments]
        derivatives = node.operation.derivatives if node.operation else ()
        try:
            edges = [
                (i, derivative(values[place], *arguments))
                for i, derivative in zip(node.arguments, derivatives, strict=True)
                if graph.varies[i]
            ]
        except (ValueError, ArithmeticError) as error:
            raise ValueError(
                f"{graph.labels[place]} = {graph.formula(place)} has no derivative at "
                f"{', '.join(map(str, arguments))}: {error}"
            ) from error
        tape.append(edges)
    return Tape(graph, values, tape)


def sweep(tape: Tape, adjoints: list[Scalar | None]) -> Iterator[Term]:
    """Read the tape backwards, edge by edge.

    Args:
        tape: what `record` returned.
        adjoints: for each node the derivative by it, None for "nothing so far".  It begins with
            the seeds at the outputs, and is filled in.

    Yields:
        Each step after it is done.
    """
    for place in reversed(range(len(adjoints))):
        adjoint = adjoints[place]
        if adjoint is None:
            continue  # no output depends on it
        for argument, local in tape.locals[place]:
            amount = adjoint * local
            before = adjoints[argument]
            # Added, never overwritten: a number used twice acts along both ways.
            total = amount if before is None else before + amount
            adjoints[argument] = total
            yield Term(place, argument, local, amount, total)


def seeds(graph: Graph, weights: Sequence[Scalar | None]) -> list[Scalar | None]:
    """Return the adjoints before the backward pass: a weight at each output, None elsewhere."""
    adjoints: list[Scalar | None] = [None] * len(graph.nodes)
    for place, weight in zip(graph.outputs, weights, strict=True):
        before = adjoints[place]
        if weight is not None:  # one node may be two outputs
            weight = plain(weight)
            adjoints[place] = weight if before is None else before + weight
    return adjoints


def start(graph: Graph, output: int) -> list[Scalar | None]:
    """Return the adjoints before the backward pass from one output."""
    return seeds(graph, [1.0 if k == output else None for k in range(len(graph.outputs))])


def gradient_of(tape: Tape, adjoints: list[Scalar | None]) -> list[Scalar]:
    """Return the inputs' adjoints after one sweep over the tape; see `sweep`."""
    for _ in sweep(tape, adjoints):
        pass
    return [0.0 if a is None else a for a in adjoints[: len(tape.graph.inputs)]]


def vjp(
    graph: Graph, x: Sequence[Scalar], weights: Sequence[Scalar]
) -> tuple[list[Scalar], list[Scalar]]:
    """Return the outputs and a vector times the Jacobian, in one run and one sweep.

    Args:
        graph: of n inputs and m outputs.
        x: the inputs, n numbers.
        weights: the vector, m numbers.

    Returns:
        y (m numbers) and weights @ J (n numbers).
    """
    tape = record(graph, x)
    outputs = [tape.values[place] for place in graph.outputs]
    return outputs, gradient_of(tape, seeds(graph, weights))
