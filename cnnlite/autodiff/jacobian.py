"""Whole Jacobians, by any of the ways; gradients as graphs; second derivatives."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnlite.autodiff import numeric
from cnnlite.autodiff.dual import Dual, jvp
from cnnlite.autodiff.graph import Graph, trace
from cnnlite.autodiff.operations import Scalar
from cnnlite.autodiff.simplify import simplify
from cnnlite.autodiff.tape import gradient_of, record, start
from cnnlite.checks.numbers import real

__all__ = ["WAYS", "gradient", "hessian", "hvp", "jacobian", "jacobian_rows"]


def forward_mode(graph: Graph, x: Sequence[Scalar]) -> list[list[Scalar]]:
    """Return the Jacobian column by column: one run of dual numbers for each input."""
    columns = [jvp(graph, x, direction)[1] for direction in np.eye(len(x)).tolist()]
    return [list(row) for row in zip(*columns, strict=True)]


def reverse_mode(graph: Graph, x: Sequence[Scalar]) -> list[list[Scalar]]:
    """Return the Jacobian row by row: one run, then one sweep over the tape for each output."""
    tape = record(graph, x)
    return [gradient_of(tape, start(graph, k)) for k in range(len(graph.outputs))]


WAYS: dict[str, Any] = {
    "forward differences": numeric.forward_differences,
    "central differences": numeric.central_differences,
    "complex step": numeric.complex_step,
    "forward mode": forward_mode,
    "reverse mode": reverse_mode,
}
"""Each takes (graph, x), the first three also a step h, and returns the Jacobian's rows."""


def jacobian_rows(
    graph: Graph, x: Sequence[Scalar], way: str = "reverse mode", h: float | None = None
) -> list[list[Scalar]]:
    """Return the Jacobian as a list of rows, of the same kind of numbers as x.

    Args:
        graph: of n inputs and m outputs.
        x: the inputs, n numbers.
        way: one of WAYS.
        h: the step of a numeric way; None takes its default.

    Raises:
        ValueError: there is no such way, or it has no step, or the graph has no value there.
    """
    if way not in WAYS:
        raise ValueError(f"jacobian: way is {way!r}, expected one of {', '.join(WAYS)}")
    if h is None:
        return WAYS[way](graph, x)
    if way.endswith("mode"):
        raise ValueError(f"jacobian: {way} takes no step h")
    return WAYS[way](graph, x, real("jacobian", "h", h, 0, open_low=True))


def jacobian(
    graph: Graph, x: Sequence[float], way: str = "reverse mode", h: float | None = None
) -> np.ndarray:
    """Return the Jacobian as an array (m, n).  Args and Raises: see `jacobian_rows`."""
    rows = jacobian_rows(graph, [float(number) for number in x], way, h)
    return np.array(rows, np.float64).reshape(len(graph.outputs), len(graph.inputs))


def gradient(graph: Graph, output: int = 0) -> Graph:
    """Return the graph of an output's gradient: the backward pass, done with symbols.

    Its outputs are the derivatives by each input; it can be run, drawn, and differentiated again.
    """

    def backward(*symbols: Scalar) -> list[Scalar]:
        return gradient_of(record(graph, symbols), start(graph, output))

    return simplify(trace(backward, graph.inputs))


def hessian(graph: Graph, x: Sequence[float], output: int = 0) -> np.ndarray:
    """Return an output's second derivatives (n, n): reverse mode over reverse mode."""
    return jacobian(gradient(graph, output), x)


def hvp(
    graph: Graph, x: Sequence[Scalar], direction: Sequence[Scalar], output: int = 0
) -> list[Scalar]:
    """Return the Hessian times a vector: forward mode over reverse mode, one run and one sweep.

    The backward pass runs on dual numbers, so the gradient comes with its derivative.

    Source: Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 1994.
    """
    duals = [Dual(value, tangent) for value, tangent in zip(x, direction, strict=True)]
    gradients = gradient_of(record(graph, duals), start(graph, output))
    return [g.tangent if isinstance(g, Dual) else 0.0 for g in gradients]
