"""The same function in fewer nodes: constants folded, ones and zeros gone, equal nodes merged."""

from cnnlite.autodiff import operations as op
from cnnlite.autodiff.graph import Graph, Node
from cnnlite.autodiff.operations import Operation

__all__ = ["simplify"]


def simplify(graph: Graph) -> Graph:
    """Return a graph that computes the same with no more nodes than it needs.

    As on paper, 0 * x is 0 whatever x may be.
    """
    nodes: list[Node] = []
    places: dict[Node, int] = {}

    def add(node: Node) -> int:
        if node not in places:
            places[node] = len(nodes)
            nodes.append(node)
        return places[node]

    new: list[int] = []
    for node in graph.nodes:
        if node.operation is None:
            new.append(add(node))
            continue
        arguments = tuple(new[i] for i in node.arguments)
        constants = [nodes[i].constant for i in arguments]
        shorter = _shorter(node.operation, arguments, constants)
        if shorter is None:
            shorter = Node(node.operation, arguments)
        new.append(shorter if isinstance(shorter, int) else add(shorter))
    return _without_dead(Graph(tuple(nodes), tuple(new[i] for i in graph.outputs)))


def _shorter(
    operation: Operation, arguments: tuple[int, ...], constants: list[float | None]
) -> Node | int | None:
    """Return a simpler node that equals this, or the place of an existing one; or None."""
    known = [c for c in constants if c is not None]
    if len(known) == len(constants):
        try:
            return Node(constant=float(operation.value(*known)))
        except (ValueError, ArithmeticError):
            return None  # let it be said where the graph is run
    first, last = arguments[0], arguments[-1]
    match operation.name, constants:
        case "*", [0.0, _] | [_, 0.0]:
            return Node(constant=0.0)
        case ("+", [0.0, _]) | ("*", [1.0, _]):
            return last
        case ("+", [_, 0.0]) | ("*", [_, 1.0]) | ("/", [_, 1.0]) | ("**", [_, 1.0]):
            return first
        case "-", [_, 0.0]:
            return first
        case "*", [-1.0, _]:
            return Node(op.NEGATE, (last,))
        case "*", [_, -1.0]:
            return Node(op.NEGATE, (first,))
    return None


def _without_dead(graph: Graph) -> Graph:
    alive = set(graph.outputs) | {i for i, node in enumerate(graph.nodes) if node.name}
    for place in reversed(range(len(graph.nodes))):
        if place in alive:
            alive.update(graph.nodes[place].arguments)
    kept = sorted(alive)
    place_of = {old: new for new, old in enumerate(kept)}
    nodes = [graph.nodes[old] for old in kept]
    return Graph(
        tuple(
            Node(n.operation, tuple(place_of[i] for i in n.arguments), n.name, n.constant)
            for n in nodes
        ),
        tuple(place_of[i] for i in graph.outputs),
    )
