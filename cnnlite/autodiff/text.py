"""A graph as text: the forward pass line by line, the backward pass step by step."""

from collections.abc import Sequence

from cnnlite.autodiff.tape import Tape, start, sweep

__all__ = ["backward_text", "forward_text"]


def forward_text(tape: Tape) -> str:
    """Return a line for each node: how it is computed, its value, its local derivatives."""
    graph, rows = tape.graph, []
    for place, node in enumerate(graph.nodes):
        if node.constant is not None:
            continue
        label = graph.labels[place]
        formula = f"= {graph.formula(place)}" if node.operation else ""
        locals_ = [f"d{label}/d{graph.labels[i]} = {local:.6g}" for i, local in tape.locals[place]]
        rows.append((label, formula, f"= {tape.values[place]:.6g}", "   ".join(locals_)))
    return _columns(rows)


def backward_text(tape: Tape, output: int = 0) -> str:
    """Return a line for each step of the backward pass from one output.

    Each step multiplies a node's adjoint by a local derivative, and adds the product to the
    argument's adjoint.
    """
    graph = tape.graph
    top = graph.labels[graph.outputs[output]]
    rows = [("step", "edge", "adjoint * local", "adjoint so far"), ("0", top, "", f"{top}: 1")]
    adjoints = start(graph, output)
    for number, term in enumerate(sweep(tape, adjoints), 1):
        node, argument = graph.labels[term.node], graph.labels[term.argument]
        product = f"{adjoints[term.node]:.6g} * {term.local:.6g} = {term.amount:.6g}"
        total = f"{argument}: {term.adjoint:.6g}"
        rows.append((str(number), f"{node} -> {argument}", product, total))
    return _columns(rows)


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
