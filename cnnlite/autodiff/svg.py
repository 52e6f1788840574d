"""A graph as a picture: values going forward and adjoints coming back, on every edge."""

from collections.abc import Iterator, Mapping
from html import escape
from itertools import islice, pairwise

from cnnlite.autodiff.layout import lay_out
from cnnlite.autodiff.tape import Tape, start, sweep

__all__ = ["draw", "frames"]

COLUMN, ROW, HEIGHT, MARGIN = 190, 92, 44, 30  # pixels
PORTS = 22  # between two edges that end in one box
STYLE = """
text { font: 13px ui-monospace, Menlo, Consolas, monospace; text-anchor: middle; }
rect { fill: #f5f5f0; stroke: #444; rx: 7; } .output { stroke-width: 2.5; }
path { fill: none; stroke: #999; } .now { stroke: #c0392b; stroke-width: 2.5; }
.value { fill: #1f5fa8; } .adjoint { fill: #c0392b; }
.edge { font-size: 11px; text-anchor: end; paint-order: stroke; stroke: white; stroke-width: 4px; }
.page { fill: white; stroke: none; rx: 0; }
"""

Edge = tuple[int, int]  # node, number of the argument


def draw(tape: Tape, output: int = 0, step: int | None = None) -> str:
    """Return the graph as SVG.

    Each edge shows the value that went forward (blue) and the part of the adjoint that came back
    (red); each box shows the node's value and, below it, its adjoint.

    Args:
        tape: what `record` returned, for plain numbers.
        output: where the backward pass starts.
        step: how many steps of the backward pass to show; None shows all of them.
    """
    adjoints = start(tape.graph, output)
    flows: dict[Edge, float] = {}
    last: Edge | None = None
    for term in islice(sweep(tape, adjoints), step):
        last = _edge(tape, term.node, term.argument, flows)
        flows[last] = term.amount
    return _svg(tape, output, adjoints, flows, None if step is None else last)


def frames(tape: Tape, output: int = 0) -> Iterator[str]:
    """Yield a picture before the backward pass, and one after each of its steps."""
    steps = sum(1 for _ in sweep(tape, start(tape.graph, output)))
    for step in range(steps + 1):
        yield draw(tape, output, step)


def _edge(tape: Tape, node: int, argument: int, flows: Mapping[Edge, float]) -> Edge:
    """Return the first edge between the two that nothing has gone along yet (x * x has two)."""
    arguments = enumerate(tape.graph.nodes[node].arguments)
    return next((node, k) for k, i in arguments if i == argument and (node, k) not in flows)


def _svg(
    tape: Tape,
    output: int,
    adjoints: list[float | None],
    flows: Mapping[Edge, float],
    now: Edge | None,
) -> str:
    graph = tape.graph
    layout = lay_out([node.arguments for node in graph.nodes])
    texts = [_texts(tape, place, adjoints[place]) for place in range(len(graph.nodes))]
    boxes = [max(64, 8 * max(len(text) for text, _ in lines) + 16) for lines in texts]
    column = max(COLUMN, max(boxes) + 110)

    def x(layer: float) -> float:
        return MARGIN + max(boxes) / 2 + layer * column

    def y(row: float) -> float:
        return MARGIN + HEIGHT / 2 + row * ROW

    width = x(layout.layers - 1) + max(boxes) / 2 + MARGIN
    height = y(layout.rows - 1) + HEIGHT / 2 + MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}"'
    view = f'viewBox="0 0 {width:.0f} {height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view}>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" {size}/>',
    ]
    labels = []
    for (node, k), way in layout.ways.items():
        argument = graph.nodes[node].arguments[k]
        port = (k - (len(graph.nodes[node].arguments) - 1) / 2) * PORTS
        points = [(x(layer), y(row)) for layer, row in way]
        points[0] = (points[0][0] + boxes[argument] / 2, points[0][1])
        points[-1] = (points[-1][0] - boxes[node] / 2, points[-1][1] + port)
        mark = ' class="now"' if (node, k) == now else ""
        parts.append(f'<path{mark} d="{_curve(points)}"/>')
        numbers = [_span(tape.values[argument], "value")]
        if (node, k) in flows:
            numbers.append(_span(flows[node, k], "adjoint"))
        end_x, end_y = points[-1]
        labels.append(_text(end_x - 6, end_y - 4, " | ".join(numbers), "edge"))
    for place, (layer, row) in enumerate(layout.places):
        box = boxes[place]
        mark = ' class="output"' if place == graph.outputs[output] else ""
        parts.append(
            f'<rect{mark} x="{x(layer) - box / 2:.1f}" y="{y(row) - HEIGHT / 2:.1f}" '
            f'width="{box}" height="{HEIGHT}"/>'
        )
        top = y(row) + 5 - 17 * (len(texts[place]) - 1) / 2
        for line, (text, kind) in enumerate(texts[place]):
            labels.append(_text(x(layer), top + 17 * line, escape(text), kind))
    return "\n".join([*parts, *labels, "</svg>\n"])


def _texts(tape: Tape, place: int, adjoint: float | None) -> list[tuple[str, str]]:
    """Return the lines in a box, with their classes."""
    graph = tape.graph
    node, label = graph.nodes[place], graph.labels[place]
    head = f"{label} = {graph.formula(place)}" if node.operation else label
    numbers = "" if node.constant is not None else f"{tape.values[place]:.4g}"
    if adjoint is not None:
        return [(f"{head} = {numbers}", "value"), (f"adjoint {adjoint:.4g}", "adjoint")]
    return [(f"{head} = {numbers}" if numbers else head, "value")]


def _curve(points: list[tuple[float, float]]) -> str:
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        bend = (x0 + x1) / 2
        path += f" C{bend:.1f} {y0:.1f} {bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    return path


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{text}</text>'


def _span(number: float, kind: str) -> str:
    return f'<tspan class="{kind}">{number:.4g}</tspan>'
